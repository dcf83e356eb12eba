"""The floors hold: import-linter with the contracts in policies/importlinter.toml.

import-linter is content with a contract whose modules don't exist, and doesn't see folders
without ``__init__``: so every name in a contract is looked up, and what was analysed is counted.
Nor does it see an import by a name in a string, so there may be none.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checks.imports import dynamic_imports
from checks.kept import digest_files
from checks.model import CouldNotRun, Finding, GateOutput, Location, NotApplicable, Scope
from checks.process import Completed, run_tool, tool_path, tool_version
from checks.rules.source import Source, parse
from checks.specimens import discover

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from checks.context import Context
    from checks.model import SpecimenOutcome

CONTRACTS = "importlinter.toml"
LAYERS = "architecture.layers"
UNLISTED = "architecture.unlisted-module"
FORBIDDEN = "architecture.forbidden-import"
PROTECTED = "architecture.protected-import"
APART = "architecture.gates-apart"
DYNAMIC = "architecture.dynamic-import"
_RULE_OF_TYPE = {"layers": LAYERS, "forbidden": FORBIDDEN, "protected": PROTECTED}
_EXCEPTIONS = ("ignore_imports", "unmatched_ignore_imports_alerting")
_LINK = re.compile(r"^(- +|    )(\S+) -> (\S+) \(l\.(\d+)")
_TOTALS = re.compile(r"^Contracts: (\d+) kept, (\d+) broken\.$", re.MULTILINE)
_LIST_MODULES = (
    "import grimp, json, sys;"
    "print(json.dumps(sorted(grimp.build_graph(*sys.argv[1:], cache_dir=None).modules)))"
)
_MISSING = re.compile(r"^- (\S+)$")
_UNSEEN = "an import by a name in a string, which no contract sees"
_OPENLY = "Import it by a statement, or let the caller hand it in."
_REMEDIATION = "Let the import point downward: move the piece, or pass what is needed in."

Contract = dict[str, Any]  # Any: TOML values


@dataclass(frozen=True, slots=True)
class Verdict:
    """import-linter's answer over one tree."""

    findings: tuple[Finding, ...]
    completed: Completed


class ArchitectureGate:
    """Runs the project's contracts, and each specimen tree with its own."""

    name = "architecture"
    title = "Floors import downward only"
    rules: tuple[str, ...] = (LAYERS, UNLISTED, FORBIDDEN, PROTECTED, APART, DYNAMIC)

    def check(self, context: Context) -> GateOutput:
        """Judge the shipped packages, and the gates' distance from them."""
        config = context.policies / CONTRACTS
        if not context.own or not config.is_file():
            raise NotApplicable("the project has no import contracts")
        sources = context.project / context.manifest.package_roots[0]
        verdict = lint(config, sources, context.project)
        scope = _scope(context, sources)
        apart = tuple(_gates_apart(context.project))
        return GateOutput(
            scopes=(scope,),
            findings=(*verdict.findings, *apart, *_dynamic(context.project, scope.expected)),
            tools=(verdict.completed.run,),
        )

    def inputs(self, context: Context) -> str:
        """Digest what is shipped, and the checks that must keep their distance."""
        return digest_files(context.project, {*context.manifest.shipped, "checks"})

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Judge each specimen tree by its own contracts."""
        return tuple(self._judged(context))

    def _judged(self, context: Context) -> Iterator[SpecimenOutcome]:
        for specimen in discover(context.policies, self.name):
            if specimen.rule == APART:
                yield specimen.outcome(fired=any(_gates_apart(specimen.path)))
                continue
            if specimen.rule == DYNAMIC:
                files = [p.relative_to(specimen.path).as_posix() for p in _python(specimen.path)]
                yield specimen.outcome(fired=any(_dynamic(specimen.path, files)))
                continue
            verdict = lint(specimen.path / CONTRACTS, specimen.path, specimen.path)
            yield specimen.outcome(fired=any(f.rule == specimen.rule for f in verdict.findings))


def lint(config: Path, sources: Path, project: Path) -> Verdict:
    """Run import-linter with `config` over the packages in `sources`.

    Raises:
        CouldNotRun: it gave no verdict on every contract, or a contract names what isn't there.
    """
    contracts = read_contracts(config, sources)
    completed = run_tool(
        "import-linter",
        [tool_path("lint-imports"), "--config", str(config), "--no-cache"],
        cwd=sources,
        env={"PYTHONPATH": str(sources)},
        version=tool_version("import-linter"),
        root=project,
    )
    totals = _TOTALS.search(completed.stdout)
    if totals is None:
        said = (completed.stdout + completed.stderr).strip().splitlines()
        raise CouldNotRun(f"import-linter gave no verdict: {said[-1] if said else 'no output'}")
    kept, broken = int(totals[1]), int(totals[2])
    if kept + broken != len(contracts) or (completed.exit_code == 0) != (broken == 0):
        raise CouldNotRun(f"import-linter judged {kept + broken} of {len(contracts)} contracts")
    findings = tuple(_findings(completed.stdout, contracts, sources, project))
    if len({f.context for f in findings}) < broken:
        raise CouldNotRun(f"{broken} contracts are broken, but not all of them say where")
    return Verdict(findings, completed)


def read_contracts(config: Path, sources: Path) -> list[Contract]:
    """The contracts, after a look at whether they can mean anything.

    Raises:
        CouldNotRun: there are none, one has exceptions, or names a module that is not there.
    """
    settings = tomllib.loads(config.read_text("utf-8"))["tool"]["importlinter"]
    contracts: list[Contract] = settings.get("contracts", [])
    if not contracts:
        raise CouldNotRun(f"{config.name} has no contracts")
    for contract in contracts:
        if any(key in contract for key in _EXCEPTIONS):
            raise CouldNotRun(f"contract {contract['name']!r} has exceptions; none are allowed")
        for module in _named(contract):
            if not _exists(module, sources):
                raise CouldNotRun(f"contract {contract['name']!r} names {module}: no such module")
    return contracts


def _named(contract: Contract) -> list[str]:
    names = [
        module
        for key in ("source_modules", "forbidden_modules", "protected_modules", "allowed_importers")
        for module in contract.get(key, [])
    ]
    # Parentheses mark a layer as optional: a misspelt one would be passed over in silence.
    layers = [
        part.strip().removeprefix("(").removesuffix(")")
        for line in contract.get("layers", [])
        for part in re.split(r"[|:]", line)
    ]
    boxes = contract.get("containers", [])
    return names + ([f"{box}.{name}" for box in boxes for name in layers] if boxes else layers)


# Outside names that contracts forbid without our depending on them.
_KNOWN_OUTSIDE = frozenset({"checks"})


def _exists(module: str, sources: Path) -> bool:
    path = sources / module.replace(".", "/")
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    if "." in module:
        return False
    if module in sys.stdlib_module_names or module in _KNOWN_OUTSIDE:
        return True
    # A third-party name must be spelt as in the lock that the checks were installed from.
    try:
        tool_version(module)
    except CouldNotRun:
        return False
    return True


def _findings(
    text: str, contracts: list[Contract], sources: Path, project: Path
) -> Iterator[Finding]:
    """One finding for each illegal import: the first link of a chain (layers, protected), or the
    last (forbidden), where the forbidden thing itself is imported.
    """
    current: Contract | None = None
    by_name = {contract["name"]: contract for contract in contracts}
    lines = text.partition("Broken contracts")[2].splitlines()
    for number, line in enumerate(lines):
        if line in by_name:
            current = by_name[line]
        link = _LINK.match(line)
        if current is None:
            continue
        if link is None:
            yield from _unlisted(line, current, sources, project)
        elif _is_evidence(current, link, lines[number + 1 : number + 2]):
            yield _finding(current, link, sources, project)


def _is_evidence(contract: Contract, link: re.Match[str], following: list[str]) -> bool:
    if contract["type"] == "forbidden":
        return not (following and following[0].startswith("    "))
    return link[1].startswith("-")


def _finding(contract: Contract, link: re.Match[str], sources: Path, project: Path) -> Finding:
    importer, imported, line = link[2], link[3], int(link[4])
    path = _file_of(importer, sources)
    return Finding(
        rule=_RULE_OF_TYPE[contract["type"]],
        message=f"{importer} imports {imported}: {contract['name']}",
        location=Location(path.relative_to(project).as_posix(), line),
        snippet=path.read_text("utf-8").splitlines()[line - 1].strip(),
        context=contract["name"],
        remediation=_REMEDIATION,
    )


def _unlisted(line: str, contract: Contract, sources: Path, project: Path) -> Iterator[Finding]:
    """import-linter lists modules that an exhaustive contract leaves out, one a line."""
    found = _MISSING.match(line.strip())
    if found is None or not contract.get("exhaustive"):
        return
    path = _file_of(found[1], sources)
    yield Finding(
        rule=UNLISTED,
        message=f"{found[1]} stands on no floor: {contract['name']}",
        location=Location(path.relative_to(project).as_posix(), 1),
        context=contract["name"],
        remediation="Put the module on a floor in policies/importlinter.toml, or remove it.",
    )


def _file_of(module: str, sources: Path) -> Path:
    path = sources / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _scope(context: Context, sources: Path) -> Scope:
    """The shipped Python files, and those of them that import-linter's own graph holds."""
    expected = frozenset(p for p in context.manifest.python if p.endswith(".py"))
    completed = run_tool(
        "grimp",
        [sys.executable, "-c", _LIST_MODULES, *context.manifest.packages],
        cwd=sources,
        env={"PYTHONPATH": str(sources)},
        version=tool_version("grimp"),
        root=context.project,
    )
    if completed.exit_code != 0:
        raise CouldNotRun(f"grimp built no graph: {completed.stderr.strip()[-300:]}")
    files = (_file_of(module, sources) for module in json.loads(completed.stdout))
    scanned = frozenset(path.relative_to(context.project).as_posix() for path in files)
    return Scope("files", expected=expected, scanned=scanned)


def _gates_apart(project: Path) -> Iterator[Finding]:
    """The gates judge the wheel from outside: importing the bus would let it judge itself."""
    for path in _python(project / "checks"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if any(name.partition(".")[0] == "arqonbus" for name in names):
                yield Finding(
                    rule=APART,
                    message="the gates import the bus that they judge",
                    location=Location(
                        path.relative_to(project).as_posix(), getattr(node, "lineno", None)
                    ),
                    remediation="Probe the installed wheel from outside instead.",
                )


def _dynamic(project: Path, files: Iterable[str]) -> Iterator[Finding]:
    """No contract speaks of an import by a name in a string."""
    for name in sorted(files):
        source = parse(project / name, name)
        if isinstance(source, Source):  # else it is a finding of the gate `static`
            for call in dynamic_imports(source.tree):
                yield source.finding(DYNAMIC, call.lineno, _UNSEEN, _OPENLY)


def _python(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))
