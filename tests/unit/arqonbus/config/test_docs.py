"""docs/running.md says what the code says."""

import re
import tomllib
from pathlib import Path

from arqonbus.app.exits import Exit
from arqonbus.cli.sources import FLAGS
from arqonbus.config.model import Settings
from arqonbus.config.names import known_settings

PAGE = Path(__file__).parents[4] / "docs" / "running.md"
BETWEEN = re.compile(r"<!-- settings: begin -->\n(.*?)<!-- settings: end -->", re.DOTALL)


def table() -> str:
    """The table as it must be; paste it from the failure when a setting changed."""
    rows = [
        f"| `{it.path}` | `{it.env}` | `{it.default}` | {cell(it.description)} |"
        for it in known_settings()
    ]
    head = ["| Setting | Variable | Default | Meaning |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, ""])


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def test_every_setting_with_its_variable_and_default() -> None:
    written = BETWEEN.search(PAGE.read_text(encoding="utf-8"))
    assert written is not None
    assert written.group(1) == table()


def test_every_flag_and_exit_code_is_told() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in FLAGS:
        assert f"`--{name.replace('_', '-')}`" in text
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)} == set(Exit)


def test_the_example_file_is_valid() -> None:
    example = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    assert Settings.model_validate(tomllib.loads(example.group(1))).profile == "prod"
