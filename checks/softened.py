"""What settings let the tools pass over, in pyproject.toml and elsewhere.

ruff is asked itself which files it takes: excludes, includes, git's ignore files and settings of
single folders all have a say in it, and without a file it is content.
"""

from __future__ import annotations

import configparser
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from checks.model import CouldNotRun
from checks.process import run_tool, tool_path, tool_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from checks.model import ToolRun

# Files that a tool reads instead of, or as well as, pyproject.toml.
_RUFF = ("ruff.toml", ".ruff.toml")
_WHOLE = (
    "mypy.ini",
    ".mypy.ini",
    ".flake8",
    ".bandit",
    ".coveragerc",
    ".pylintrc",
    "pylintrc",
    "pyrightconfig.json",
)
_SECTIONS = {"setup.cfg": ("mypy", "flake8", "coverage:", "pylint"), "tox.ini": ("flake8",)}
_MYPY = ("exclude", "disable_error_code", "ignore_errors", "ignore_missing_imports")
_TESTS = frozenset({"tests", "test"})
_TAIL = 500


@dataclass(frozen=True, slots=True)
class Beside:
    """Files of settings beside pyproject.toml, the shipped files that ruff never looks at, and
    ruff's run.
    """

    settings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    run: ToolRun | None = None

    @property
    def by_kind(self) -> dict[str, tuple[str, ...]]:
        """Return both under the names that the record counts them by."""
        return {"settings-elsewhere": self.settings, "ruff-left-out": self.left_out}


def in_settings(pyproject: Mapping[str, object]) -> dict[str, int]:
    """Count by kind what pyproject.toml lets the tools pass over in general."""
    ruff, mypy = _table(pyproject, "tool", "ruff"), _table(pyproject, "tool", "mypy")
    lint = _table(ruff, "lint")
    report, run = (_table(pyproject, "tool", "coverage", one) for one in ("report", "run"))
    return {
        "ruff-settings": _ignored(ruff) + _ignored(lint) + _count(lint.get("exclude")),
        "ruff-narrowed": int(bool(ruff) and not any(map(_takes_all, (ruff, lint)))),
        "mypy-settings": sum(_count(mypy.get(one)) for one in ("overrides", *_MYPY)),
        "deptry-settings": len(_table(pyproject, "tool", "deptry", "per_rule_ignores")),
        "coverage-settings": _count(report.get("exclude_lines"))
        + _count(report.get("exclude_also"))
        + _count(run.get("omit")),
    }


def hides_all(pyproject: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the settings, with their kind, by which a tool says nothing of what is shipped."""
    ruff, mypy = _table(pyproject, "tool", "ruff"), _table(pyproject, "tool", "mypy")
    for table in (ruff, _table(ruff, "lint")):
        yield from (
            ("ruff-settings", f"ruff has ALL in {one}")
            for one in ("ignore", "extend-ignore")
            if "ALL" in _list(table.get(one))
        )
    if mypy.get("ignore_errors") is True:
        yield "mypy-settings", "mypy has ignore_errors"
    for table in map(_table, _list(mypy.get("overrides"))):
        module = table.get("module")
        names = [str(one) for one in ([module] if isinstance(module, str) else _list(module))]
        shipped = [name for name in names if name.partition(".")[0] not in _TESTS]
        if table.get("ignore_errors") is True and shipped:
            yield "mypy-settings", f"mypy has ignore_errors for {', '.join(shipped)}"


def look_beside(project: Path, files: Iterable[str], pyproject: Mapping[str, object]) -> Beside:
    """Find the settings beside pyproject.toml, and the shipped files that ruff leaves out.

    Raises:
        CouldNotRun: settings can't be read, or ruff refuses them.
    """
    shipped = sorted(files)
    others = tuple(sorted(_other_settings(project, shipped, pyproject)))
    if not others and not _table(pyproject, "tool", "ruff"):
        return Beside()
    taken, run = _taken_by_ruff(project.resolve())
    return Beside(others, tuple(one for one in shipped if one not in taken), run)


def _taken_by_ruff(project: Path) -> tuple[frozenset[str], ToolRun]:
    """Ask which files ``ruff check .`` looks at; it exits 0 when there is none."""
    command = [tool_path("ruff"), "check", "--show-files", "--no-cache", "."]
    done = run_tool("ruff", command, cwd=project, version=tool_version("ruff"))
    if done.exit_code:
        said = done.stderr.replace(str(project), ".").strip()[:_TAIL]
        raise CouldNotRun(f"ruff can't tell which files it looks at: {said}")
    paths = [Path(line) for line in done.stdout.splitlines()]
    within = [one.relative_to(project).as_posix() for one in paths if one.is_relative_to(project)]
    return frozenset(within), done.run


def _other_settings(
    project: Path, files: Iterable[str], pyproject: Mapping[str, object]
) -> Iterator[str]:
    if "extend" in _table(pyproject, "tool", "ruff"):
        yield "pyproject.toml, by [tool.ruff] extend"
    yield from (one for one in _WHOLE if (project / one).is_file())
    for name, sections in _SECTIONS.items():
        if any(one.startswith(sections) for one in _sections(project / name)):
            yield name
    folders = {parent for one in files for parent in PurePosixPath(one).parents}
    for folder in folders | {PurePosixPath()}:
        yield from (str(folder / one) for one in _RUFF if (project / folder / one).is_file())
        nested = folder / "pyproject.toml"
        if folder.name and _table(_read(project / nested), "tool", "ruff"):
            yield str(nested)


def _sections(path: Path) -> list[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read(path, "utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise CouldNotRun(f"{path.name} can't be read: {error}") from error
    return parser.sections()


def _read(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CouldNotRun(f"{path.name} in {path.parent.name} can't be read: {error}") from error


def _ignored(table: Mapping[str, object]) -> int:
    """Count the codes that ruff is told to ignore, everywhere and for each pattern of files."""
    lists = [table.get("ignore"), table.get("extend-ignore")]
    for name in ("per-file-ignores", "extend-per-file-ignores"):
        lists += _table(table, name).values()
    return sum(map(_count, lists))


def _takes_all(table: Mapping[str, object]) -> bool:
    chosen = [table.get("select"), table.get("extend-select")]
    return any(isinstance(one, list) and "ALL" in one for one in chosen)


def _count(value: object) -> int:
    """Count what a setting names; a plain one that is on counts as one."""
    return len(value) if isinstance(value, list) else int(bool(value))


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _table(node: object, *keys: str) -> dict[str, object]:
    for key in keys:
        node = node.get(key) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else {}
