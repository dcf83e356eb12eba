from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checks.model import CouldNotRun
from checks.toxfiles.read import read_toxfiles

if TYPE_CHECKING:
    from pathlib import Path

    from checks.toxfiles.read import Sections


def read(folder: Path, name: str, text: str) -> Sections:
    (folder / name).write_text(text)
    (file,) = read_toxfiles(folder)
    assert file.path == name
    return file.sections


def test_toml_is_told_as_ini_would_write_it(tmp_path: Path) -> None:
    toml = """
        skip_missing_interpreters = true
        env_list = ["lint", { product = [["py311", "py312"], ["a", "b"]] }]
        [env_run_base]
        commands = [["pytest", { replace = "posargs", default = ["-n", "2"] }], "x y"]
        [env.lint]
        commands = [{ replace = "ref", of = ["env_run_base", "commands"], extend = true }]
        commands_pre = [{ replace = "ref", env = "more", key = "commands" }]
        commands_post = [{ replace = "if", condition = "c", then = [["a"]], else = [["- b"]] }]
        [extra]
        key = { replace = "ref", of = ["env", "lint", "commands"] }
    """
    assert read(tmp_path, "tox.toml", toml) == {
        "tox": {
            "skip_missing_interpreters": "true",
            "env_list": "lint\n{py311,py312}-{a,b}",
        },
        "testenv": {"commands": "pytest -n 2\nx y"},
        "testenv:lint": {
            "commands": "{[testenv]commands}",
            "commands_pre": "{[testenv:more]commands}",
            "commands_post": "a\n- b",
        },
        "extra": {"key": "{[testenv:lint]commands}"},
    }


def test_every_file_with_settings_is_read_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "tox.ini").write_text("[testenv]\ncommands = a\n")
    (tmp_path / "setup.cfg").write_text("[testenv]\ncommands = not of tox\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "parcel"\n')
    (tmp_path / "tox.toml").write_text('env_list = ["b"]\n')
    assert [file.path for file in read_toxfiles(tmp_path)] == ["tox.ini", "tox.toml"]


def test_settings_inside_other_files_are_found(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_text("[tox:tox]\nenv_list = a\n[testenv]\ncommands = b\n")
    (tmp_path / "pyproject.toml").write_text(
        "[tool.tox]\nlegacy_tox_ini = '''\n[testenv]\ncommands = c\n'''\n"
    )
    setup_cfg, pyproject = read_toxfiles(tmp_path)
    assert setup_cfg.sections["tox"] == {"env_list": "a"}
    assert pyproject.sections == {"testenv": {"commands": "c"}}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tox.ini", "commands = a\n"),
        ("tox.toml", "env_list = [\n"),
        ("tox.toml", 'env_list = [{ prefix = "py3", start = 11 }]\n'),
    ],
)
def test_what_cannot_be_read_is_no_answer(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(CouldNotRun, match=name):
        list(read_toxfiles(tmp_path))
