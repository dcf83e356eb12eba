"""The gate `cleanroom`: the wheel, installed with locked dependencies and nothing else, works."""

from __future__ import annotations

import json
import re
import sys
import tempfile
import tomllib
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from checks.environments import make_environment, site_of
from checks.installed import (
    INSTALL,
    OVERWRITE,
    OWNERSHIP,
    judge_loaded,
    judge_site,
    modules_of,
    ownership,
    read_site,
)
from checks.kept import digest_artifacts, digest_texts
from checks.model import CouldNotRun, Finding, GateOutput, Location, Mode, NotApplicable, Scope
from checks.process import run_tool
from checks.served import free_ports, is_open, started, terminate, wait_ready
from checks.specimens import discover
from checks.wheels.contents import expected_of
from checks.wheels.packing import describe, pack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from checks.context import Context
    from checks.installed import Site
    from checks.model import SpecimenOutcome, ToolRun
    from checks.specimens import Specimen

IMPORT = "cleanroom.import"
BOOT = "cleanroom.boot"
ROUND_TRIP = "cleanroom.round-trip"
STOP = "cleanroom.stop"

_PROBES = Path(__file__).resolve().parent.parent / "probes"
_COMMAND = "arqonbus"
_TAIL = 300
_AT_A_TIME = 4
_SPECIMEN_PROJECT = "example"
_LOCKED_LINE = re.compile(r"^([A-Za-z0-9][^\\#]*?==[^\\#]*?)\s*(?:\\|--hash|$)", re.MULTILINE)
_QUICK = (
    "other distributions' modules were loaded before each import; strict mode loads nothing before"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that a step may take; only a fault takes so long."""

    boot: float = 60
    talk: float = 20
    stop: float = 20


_SPECIMEN_LIMITS = Limits(boot=8, talk=6, stop=4)


class CleanroomGate:
    """Install, import, boot, talk and stop, in an environment without any developer's tool."""

    name = "cleanroom"
    title = "The installed wheel imports, owns its files, serves and stops"
    rules = (INSTALL, IMPORT, OWNERSHIP, OVERWRITE, BOOT, ROUND_TRIP, STOP)

    def check(self, context: Context) -> GateOutput:
        """Judge the installed wheel.

        Raises:
            NotApplicable: no lock to install from, or no server that could be booted.
            CouldNotRun: the environment can't be made, or a probe has no answer.
        """
        if context.manifest.lock is None:
            raise NotApplicable("the project has no runtime lock to install from")
        lock = context.project / context.manifest.lock
        extra: list[str | Path] = [context.artifacts().wheel]
        python = make_environment(context, lock, extra=extra, name="cleanroom")
        site = read_site(site_of(python))
        project, packages = context.manifest.name, expected_of(context.manifest).packages
        findings = list(judge_site(site, project, packages, applicable(lock.read_text("utf-8"))))
        modules, sources = modules_of(site, project), _shipped_modules(context)
        # A release is judged the long way, in which nothing at all is loaded beforehand.
        quick = context.mode is Mode.DEGRADED and len(packages) == 1
        first = packages[0] if quick else ""
        imported, run = judge_imports(site, project, python, modules, others_first=first)
        findings += [_placed(finding, sources) for finding in imported]
        if project == _COMMAND:
            findings += judge_server([str(python.parent / _COMMAND)], python, Limits())
        elif not findings:
            raise NotApplicable("it installs and imports, but there is no server to boot")
        scopes = (
            Scope("modules", frozenset(sources), frozenset(modules)),
            Scope("distributions", frozenset(site.versions), frozenset(site.versions)),
        )
        notes = (_QUICK,) if quick else ()
        return GateOutput(scopes, findings=tuple(findings), tools=(run,), notes=notes)

    def inputs(self, context: Context) -> str:
        """Digest what is installed, and how it is judged."""
        return digest_texts([digest_artifacts(context), context.mode.value])

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Judge packed wheels, and a toy in place of the command."""
        here = Path(sys.executable)
        # They mostly wait: for toys that begin, and for limits that pass.
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            specimens = discover(context.policies, self.name)
            return tuple(pool.map(lambda one: _outcome(one, here), specimens))


def applicable(lock: str) -> dict[str, str]:
    """Return what the lock pins for this system and Python: the rest is not installed."""
    needs = [Requirement(line.strip()) for line in _LOCKED_LINE.findall(lock)]
    return {
        canonicalize_name(need.name): next(iter(need.specifier)).version
        for need in needs
        if need.marker is None or need.marker.evaluate()
    }


def judge_imports(  # noqa: PLR0913 - two of them only narrow how the modules are imported
    site: Site,
    project: str,
    python: Path,
    modules: Sequence[str],
    *,
    at: Path | None = None,
    others_first: str = "",
) -> tuple[list[Finding], ToolRun]:
    """Import every module in a process of its own; `at` is a folder to import from besides.

    With `others_first`, the name of the one package that the modules are of, all that lies outside
    of it is loaded beforehand: ten times as fast, but a module that uses a part of another
    distribution without importing it is then not found.

    Raises:
        CouldNotRun: the probe has no answer for every module.
    """
    first = ("--others-first", others_first) if others_first else ()
    arguments = [*(("--site", str(at)) if at else ()), *first, *modules]
    done = run_tool(
        "import probe",
        [str(python), "-I", str(_PROBES / "import_modules.py"), *arguments],
        cwd=Path(tempfile.gettempdir()),
        version="1",
        root=_PROBES,
    )
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        raise CouldNotRun(f"the import probe failed: {done.stderr[-_TAIL:]}") from error
    if set(answer["modules"]) != set(modules):
        raise CouldNotRun("the import probe did not answer for every module")
    owned = ownership(site, [str(folder) for folder in answer["stdlib"]])
    findings: list[Finding] = []
    for module, one in answer["modules"].items():
        if one["error"] is None:
            loaded = {**answer["common"], **one["loaded"]}
            findings += judge_loaded(site, project, module, loaded, owned)
        else:
            message = f"{module} can't be imported: {one['error']}"
            findings.append(Finding(IMPORT, message, snippet=str(one["error"]), context=module))
    # The interpreter lies in this machine's cache; a report names no such path.
    portable = ("python", "-I", "checks/probes/import_modules.py", *modules)
    return list(dict.fromkeys(findings)), replace(done.run, argv=portable)


def judge_server(command: Sequence[str], python: Path, limits: Limits) -> Iterator[Finding]:
    """Boot the command on free ports, talk to it from the clean environment, and stop it."""
    port, http_port = free_ports(2)
    ports = ["--port", str(port), "--http-port", str(http_port)]
    with (
        tempfile.TemporaryDirectory() as folder,
        started(
            [*command, "serve", *ports, "--data-dir", str(Path(folder) / "data")], cwd=Path(folder)
        ) as served,
    ):
        if not wait_ready(served, http_port, limits.boot):
            yield _said(BOOT, f"/ready never answered 200: {served.said()[-_TAIL:]}")
            return
        yield from _round_trip(python, port, limits.talk)
        code = terminate(served, limits.stop)
        if code != 0:
            ended = "did not end" if code is None else f"exited {code}"
            yield _said(STOP, f"after SIGTERM it {ended}: {served.said()[-_TAIL:]}")
        for one in (port, http_port):
            if is_open(one):
                yield _said(STOP, "after its end something still listens on its ports")


def _round_trip(python: Path, port: int, limit: float) -> Iterator[Finding]:
    done = run_tool(
        "round-trip probe",
        [str(python), "-I", str(_PROBES / "round_trip.py"), f"ws://127.0.0.1:{port}/", str(limit)],
        cwd=Path(tempfile.gettempdir()),
        version="1",
        timeout=limit + 30,
    )
    try:
        received = json.loads(done.stdout)
    except ValueError as error:
        raise CouldNotRun(f"the round-trip probe failed: {done.stderr[-_TAIL:]}") from error
    for what in _wrong(received):
        yield _said(ROUND_TRIP, f"{what} {done.stderr.strip()[-_TAIL:]}".strip())


def _wrong(received: list[dict[str, object]]) -> Iterator[str]:
    """Compare what came back with what protocol 1.0 promises for these two requests."""
    demanded: dict[str, dict[str, object]] = {
        "welcome": {},
        "response": {"request_id": "j1", "status": "success"},
        "ack": {"request_id": "m1", "seq": 1, "durability": "disk"},
        "message": {"seq": 1, "payload": {"hello": 1}},
    }
    for kind, fields in demanded.items():
        envelopes = [one for one in received if one.get("type") == kind]
        if len(envelopes) != 1:
            yield f"{len(envelopes)} envelopes of type {kind} came back instead of one"
            continue
        for name, value in fields.items():
            if envelopes[0].get(name) != value:
                yield f"{kind}.{name} is {envelopes[0].get(name)!r}, not {value!r}"


def _shipped_modules(context: Context) -> dict[str, str]:
    """Map the modules that the source promises, by the manifest, to their files."""
    manifest = context.manifest
    found = {}
    for path in (path for path in manifest.python if path.endswith(".py")):
        root = max((r for r in manifest.package_roots if Path(path).is_relative_to(r)), key=str)
        parts = list(Path(path).relative_to(root).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _placed(finding: Finding, sources: Mapping[str, str]) -> Finding:
    """Point at the module's source, where the finding is about one of ours."""
    path = sources.get(finding.context)
    return replace(finding, location=Location(path)) if path else finding


def _outcome(specimen: Specimen, python: Path) -> SpecimenOutcome:
    table = tomllib.loads(specimen.path.read_text("utf-8"))
    if "fault" in table:
        toy = [str(python), "-I", str(_PROBES / "toy_bus.py"), str(table["fault"])]
        found = list(judge_server(toy, python, _SPECIMEN_LIMITS))
    else:
        found = _judge_packed(table, python)
    return specimen.outcome(fired=specimen.rule in {finding.rule for finding in found})


def _judge_packed(table: dict[str, Any], python: Path) -> list[Finding]:
    """Install the specimen's wheels as pip does, the later over the earlier, and judge that."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve() / "site"
        locked = dict(table.get("locked", {}))
        for entry in table["wheels"]:
            one = describe(entry)
            with zipfile.ZipFile(pack(one, Path(scratch) / "wheels")) as archive:
                archive.extractall(folder)
        for name, text in table.get("afterwards", {}).items():
            (folder / name).write_text(text, "utf-8")
        site = read_site(folder)
        found = list(judge_site(site, _SPECIMEN_PROJECT, (_SPECIMEN_PROJECT,), locked))
        modules = modules_of(site, _SPECIMEN_PROJECT)
        imported, _ = judge_imports(site, _SPECIMEN_PROJECT, python, modules, at=folder)
        return found + imported


def _said(rule: str, what: str) -> Finding:
    return Finding(rule, " ".join(what.split()), snippet=rule)
