"""The gate `startup`: the installed command refuses every dangerous configuration of a table.

Each case of ``policies/startup.toml`` starts the command as it was installed from the wheel. A
dangerous one must end with the exit code for a refused configuration, say why, and never listen;
a safe one must start, since a command that refuses everything proves nothing.
"""

from __future__ import annotations

import socket
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.environments import make_environment
from checks.kept import digest_artifacts
from checks.model import CouldNotRun, Finding, GateOutput, Location, NotApplicable, Scope
from checks.served import free_ports, started, wait_ready, watch_until_exit
from checks.specimens import discover

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from checks.context import Context
    from checks.model import SpecimenOutcome
    from checks.specimens import Specimen

ACCEPTED = "startup.accepted-dangerous-configuration"
SILENT = "startup.silent"
LISTENED = "startup.listened"
REFUSED = "startup.refused-safe-configuration"

TABLE = "startup.toml"
_COMMAND = "arqonbus"
_AT_A_TIME = 3
_LIMIT = 30.0  # only a hang gets there
_SPECIMEN_LIMIT = 10.0
_TAIL = 300


@dataclass(frozen=True, slots=True)
class Case:
    """One configuration. In `args`, `env` and `file` the words ``{port}``, ``{http_port}``,
    ``{data_dir}``, ``{taken_port}`` and ``{dead_port}`` stand for what is true on this machine at
    that moment.

    Attributes:
        says: Words that must all be on standard error, whatever their case.
        exit: The demanded exit code of a dangerous one.
        file: The text of the file that ``--config`` names; none when empty.
    """

    id: str
    why: str
    args: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    file: str = ""
    says: tuple[str, ...] = ()
    exit: int = 78


class StartupGate:
    """Start the installed command with every case of the table."""

    name = "startup"
    title = "No dangerous configuration starts, and every safe one does"
    rules = (ACCEPTED, SILENT, LISTENED, REFUSED)

    def check(self, context: Context) -> GateOutput:
        """Judge every case of the table.

        Raises:
            NotApplicable: the project does not install the command that the table is about.
            CouldNotRun: there is no lock, no table, or the command can't be started.
        """
        if context.manifest.name != _COMMAND:
            raise NotApplicable(f"it starts the server {_COMMAND}, which is not of this project")
        if context.manifest.lock is None:
            raise CouldNotRun("the project has no runtime lock to install from")
        lock = context.project / context.manifest.lock
        wheel = context.artifacts().wheel
        python = make_environment(context, lock, extra=[wheel], name="cleanroom")
        command = [str(python.parent / _COMMAND)]
        dangerous, safe = read_table(context.policies / TABLE)
        cases = (*dangerous, *safe)
        with ThreadPoolExecutor(_AT_A_TIME) as pool:  # a start waits as long as it works
            judged = pool.map(lambda one: _judge(one, command, dangerous=one in dangerous), cases)
            found = dict(zip((case.id for case in cases), judged, strict=True))
        scope = Scope("configurations", frozenset(case.id for case in cases), frozenset(found))
        return GateOutput((scope,), findings=tuple(one for some in found.values() for one in some))

    def inputs(self, context: Context) -> str:
        """Digest what is installed."""
        return digest_artifacts(context)

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Judge each specimen's script in place of the command."""
        return tuple(_outcome(one) for one in discover(context.policies, self.name))


def read_table(path: Path) -> tuple[list[Case], list[Case]]:
    """Return the dangerous and the safe cases.

    Raises:
        CouldNotRun: the table is missing, malformed, lacks a kind, or names a case twice.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        dangerous = [_case(entry) for entry in table["dangerous"]]
        safe = [_case(entry) for entry in table["safe"]]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise CouldNotRun(f"{path.name} can't be read: {error}") from error
    ids = [case.id for case in (*dangerous, *safe)]
    if not dangerous or not safe or len(set(ids)) != len(ids):
        raise CouldNotRun(f"{path.name} needs dangerous and safe cases, each with an id of its own")
    if mute := [case.id for case in dangerous if not case.says or case.exit == 0]:
        raise CouldNotRun(f"{path.name} expects nothing of {', '.join(mute)}")
    return dangerous, safe


def _case(entry: dict[str, Any]) -> Case:  # Any: TOML, whose keys the dataclass judges
    values: dict[str, Any] = dict(entry)
    values.update({key: tuple(entry[key]) for key in ("args", "says") if key in entry})
    return Case(**values)


def _judge(case: Case, command: Sequence[str], *, dangerous: bool) -> list[Finding]:
    judge = judge_dangerous if dangerous else judge_safe
    return list(judge(case, command, _LIMIT))


def judge_dangerous(case: Case, command: Sequence[str], limit: float) -> Iterator[Finding]:
    """Start the command with a dangerous case and watch it until its end."""
    with (
        _surroundings(case) as (args, env, folder),
        started([*command, *args], cwd=folder, env=env) as served,
    ):
        listened = watch_until_exit(served, limit)
        code = served.process.poll()
        said = served.errors()
    if listened:
        yield _finding(LISTENED, case, "it listened before it had refused the configuration")
        yield _finding(ACCEPTED, case, "it began to serve")
    elif code != case.exit:
        ended = "did not end" if code is None else f"exited {code}"
        yield _finding(ACCEPTED, case, f"it {ended} instead of {case.exit}: {said[-_TAIL:]}")
    if missing := [words for words in case.says if words.lower() not in said.lower()]:
        yield _finding(SILENT, case, f"it did not say {missing}: {said[-_TAIL:]}")


def judge_safe(case: Case, command: Sequence[str], limit: float) -> Iterator[Finding]:
    """Start the command with a safe case and wait until it is ready."""
    with (
        _surroundings(case) as (args, env, folder),
        started([*command, *args], cwd=folder, env=env) as served,
    ):
        http_port = int(env.get("ARQONBUS_HTTP_PORT") or args[args.index("--http-port") + 1])
        if not wait_ready(served, http_port, limit):
            yield _finding(REFUSED, case, f"it did not get ready: {served.said()[-_TAIL:]}")


def _outcome(specimen: Specimen) -> SpecimenOutcome:
    """Judge a specimen: a script in place of the command, with a case that suits every script."""
    command = [sys.executable, "-I", str(specimen.path)]
    args = ("serve", "--port", "{port}", "--http-port", "{http_port}")
    case = Case("specimen", "a specimen", args, says=("no authentication",))
    judge = judge_safe if specimen.rule == REFUSED else judge_dangerous
    fired = {finding.rule for finding in judge(case, command, _SPECIMEN_LIMIT)}
    return specimen.outcome(fired=specimen.rule in fired)


class _surroundings:  # noqa: N801 - used as a function, like contextlib's own
    """Make what a case needs: a folder, ports, a taken port, its file."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._stack = ExitStack()

    def __enter__(self) -> tuple[list[str], dict[str, str], Path]:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        port, http_port, dead_port = free_ports(3)
        words = {
            "{dead_port}": str(dead_port),
            "{port}": str(port),
            "{http_port}": str(http_port),
            "{data_dir}": str(folder / "data"),
            "{taken_port}": str(self._taken_port()),
        }
        args = [_filled(text, words) for text in self._case.args]
        if self._case.file:
            config = folder / "arqonbus.toml"
            config.write_text(_filled(self._case.file, words), "utf-8")
            args += ["--config", str(config)]
        env = {name: _filled(text, words) for name, text in self._case.env.items()}
        return args, env, folder

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def _taken_port(self) -> int:
        taken = self._stack.enter_context(socket.socket())
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        return int(taken.getsockname()[1])


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def _finding(rule: str, case: Case, what: str) -> Finding:
    """Name the case; its place is the table, which says why the case is what it is."""
    return Finding(
        rule,
        f"{case.id} ({case.why}): {' '.join(what.split())}",
        Location(f"policies/{TABLE}"),
        snippet=case.id,
        context=case.id,
    )
