"""One run from its options to its outcome. The only place that puts all parts together."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from checks.build import Builder
from checks.context import Context
from checks.environments import forget_unused
from checks.gates.registry import all_gates
from checks.inventory import take_inventory
from checks.kept import Shelf
from checks.manifest import build_manifest
from checks.model import Mode
from checks.outcome import LIMITATIONS, Outcome
from checks.policy import load_policy
from checks.policyfile import PolicyError
from checks.runner import apply_waivers, run_gates
from checks.surroundings import (
    describe_subject,
    describe_surroundings,
    source_date_epoch,
    tree_state,
)
from checks.verdict import (
    caveats,
    judge_controls,
    judge_run,
    valid_waivers,
    verdict_line,
    waiver_problems,
    waiver_warnings,
)
from checks.waivers import load_waivers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from checks.context import Artifacts
    from checks.gates.interface import Gate
    from checks.manifest import Manifest
    from checks.model import GateResult
    from checks.policy import Policy
    from checks.runner import Listener
    from checks.waivers import Waiver

HOME = Path(__file__).resolve().parent.parent
CACHE = HOME / ".work" / "cache"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for. `policies` None stands for the ones beside these checks."""

    project: Path
    policies: Path | None
    only: tuple[str, ...]
    mode: Mode
    reports: Path
    advisories: Path | None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A run made ready: everything was read and agrees, and no gate has run yet."""

    options: Options
    project: Path
    policies: Path
    manifest: Manifest
    gates: tuple[Gate, ...]
    left_out: tuple[str, ...]
    policy: Policy
    waivers: tuple[Waiver, ...]
    own: bool
    rules: frozenset[str] = frozenset()


def make_plan(options: Options, gates: Sequence[Gate] | None = None) -> Plan:
    """Read the policies and the project, and refuse what contradicts itself.

    Raises:
        CouldNotRun: the policies, the project or the choice of gates make no sense.
    """
    every = tuple(all_gates() if gates is None else gates)
    unknown = sorted(set(options.only) - {gate.name for gate in every})
    if unknown:
        known = ", ".join(gate.name for gate in every)
        raise PolicyError(f"no gate is named {', '.join(unknown)}; there are: {known}")
    project = options.project.resolve()
    policies = (options.policies or HOME / "policies").resolve()
    policy = load_policy(policies, {gate.name: gate.rules for gate in every})
    own = is_own(project)
    rules = {rule for gate in every for rule in gate.rules}
    file = waivers_of(project, policies, own=own)
    waivers = load_waivers(file, rules) if file is not None else ()
    chosen = tuple(g for g in every if not options.only or g.name in options.only)
    return Plan(
        options=options,
        project=project,
        policies=policies,
        manifest=build_manifest(project),
        gates=chosen,
        left_out=tuple(gate.name for gate in every if gate not in chosen),
        policy=policy,
        waivers=waivers,
        own=own,
        rules=frozenset(rules),
    )


def waivers_of(project: Path, policies: Path, *, own: bool) -> Path | None:
    """Return the file of waivers that is about this project: ours says nothing of another's."""
    file = (policies if own else project / "policies") / "waivers.toml"
    return file if own or file.is_file() else None


def is_own(project: Path) -> bool:
    """Tell whether a tree is the project these checks belong to, or a copy of it."""
    return project == HOME or all(
        (project / part).is_file() for part in ("checks/execute.py", "policies/release.toml")
    )


def execute(
    plan: Plan, listener: Listener, now: Callable[[], dt.datetime] | None = None
) -> Outcome:
    """Run the gates and judge them.

    The wheel and the sdist that were judged are copied to ``dist/`` in the reports folder, so that
    what is published can be the very files.
    """
    clock = now or (lambda: dt.datetime.now(dt.UTC))
    started, began = clock(), time.monotonic()
    _tidy(started.timestamp())
    before = tree_state(plan.project, plan.manifest)
    # What a release is judged by is worked out for it.
    again = plan.options.fresh or plan.options.mode is Mode.STRICT
    shelf = None if again else Shelf(CACHE / "results")
    with tempfile.TemporaryDirectory(prefix="release-check-") as scratch:
        builder, context = _context(plan, Path(scratch))
        raw = run_gates(
            plan.gates,
            context,
            without_specimens=plan.policy.without_specimens,
            listener=listener,
            shelf=shelf,
        )
        inventory = take_inventory(plan.project, plan.manifest, builder.made, plan.rules, raw)
        subject = describe_subject(plan.project, plan.manifest, builder.made)
        keep_artifacts(builder.made, plan.options.reports / "dist")
    today = started.date()
    waivers = valid_waivers(plan.waivers, today)
    results = tuple(apply_waivers(one, waivers) for one in raw)
    problems = waiver_problems(plan.waivers, raw, today)
    if tree_state(plan.project, plan.manifest) != before:
        problems += ("the project changed while it was checked: gates saw different trees",)
    verdict = judge_run(results, problems)
    mode = plan.options.mode
    return Outcome(
        subject=subject,
        surroundings=describe_surroundings(
            plan.project, plan.policies, plan.policy.uri, plan.manifest, results
        ),
        mode=mode,
        own=plan.own,
        started=started.isoformat(timespec="seconds"),
        ended=clock().isoformat(timespec="seconds"),
        duration=round(time.monotonic() - began, 3),
        verdict=verdict,
        line=verdict_line(verdict, mode, results, problems, plan.left_out),
        gates=results,
        controls=judge_controls(plan.policy, results, waivers),
        problems=problems,
        warnings=(*waiver_warnings(plan.waivers, today), *_warnings(results)),
        inventory=inventory,
        left_out=plan.left_out,
        without_specimens=plan.policy.without_specimens,
        limitations=(*LIMITATIONS, *caveats(results)),
        frameworks=plan.policy.frameworks,
    )


def _tidy(now: float) -> None:
    forget_unused(CACHE, now)
    Shelf(CACHE / "results").forget_old(now)


def _warnings(results: Sequence[GateResult]) -> tuple[str, ...]:
    return tuple(
        f"{one.gate}: {text}" for one in results if one.output for text in one.output.warnings
    )


def keep_artifacts(made: Artifacts | None, folder: Path) -> None:
    """Copy what was built into `folder`, after emptying it of an earlier run's files."""
    shutil.rmtree(folder, ignore_errors=True)
    if made is not None:
        folder.mkdir(parents=True)
        for file in (made.wheel, made.sdist):
            shutil.copyfile(file, folder / file.name)


def _context(plan: Plan, scratch: Path) -> tuple[Builder, Context]:
    epoch = source_date_epoch(plan.project)
    work = scratch.resolve()
    builder = Builder(plan.project, work / "build", epoch=epoch, isolated=not plan.own)
    context = Context(
        project=plan.project,
        policies=plan.policies,
        manifest=plan.manifest,
        mode=plan.options.mode,
        work=work,
        cache=CACHE,
        own=plan.own,
        source_date_epoch=epoch,
        artifacts=builder,
        advisories=plan.options.advisories.resolve() if plan.options.advisories else None,
    )
    return builder, context
