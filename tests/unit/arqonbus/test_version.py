"""The literal version is the one that is built."""

import tomllib
from pathlib import Path

import arqonbus


def test_the_version_is_the_project_s() -> None:
    project = Path(__file__).parents[3] / "pyproject.toml"
    assert arqonbus.__version__ == tomllib.loads(project.read_text())["project"]["version"]
