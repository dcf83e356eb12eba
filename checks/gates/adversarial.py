"""The gate `adversarial`: attacked in every class that is known, the installed bus refuses.

The command is started as it was installed from the wheel, once for each kind of configuration, and
attacked over real sockets. Every attempt must end in a refusal of the expected kind, while a client
that did nothing wrong is still answered. ``policies/adversarial.toml`` says how many attempts of
each class are the least.
"""

from __future__ import annotations

import dataclasses
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from checks.adversarial.arena import Arena
from checks.adversarial.classes import ATTACKS, CLASSES, LAST
from checks.adversarial.policy import read_demands
from checks.adversarial.rules import NOT_RUN, RULES
from checks.environments import make_environment
from checks.fault import Fault
from checks.kept import digest_artifacts
from checks.model import CouldNotRun, Finding, GateOutput, NotApplicable, Scope
from checks.specimens import discover

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Sequence

    from checks.adversarial.arena import Attack
    from checks.adversarial.policy import Demands
    from checks.context import Context
    from checks.model import SpecimenOutcome
    from checks.specimens import Specimen

_COMMAND = "arqonbus"
_ROOT = Path(__file__).resolve().parents[2]
_TOY = "checks.probes.toy_hostile"
_AT_A_TIME = 3
_TOYS_KIND = "open"
_SPECIMEN_GROWTH = 64 << 20


class AdversarialGate:
    """Attack the installed command, and show on toys that the rules bite."""

    name = "adversarial"
    title = "The installed bus refuses every attack of every known class, and goes on"
    rules = RULES

    def check(self, context: Context) -> GateOutput:
        """Judge the installed command.

        Raises:
            NotApplicable: the project does not install the command that the attacks are about.
            CouldNotRun: there is no lock or no policy, or the command can't be started.
        """
        if context.manifest.name != _COMMAND:
            raise NotApplicable(f"it starts the server {_COMMAND}, which is not of this project")
        if context.manifest.lock is None:
            raise CouldNotRun("the project has no runtime lock to install from")
        lock = context.project / context.manifest.lock
        wheel = context.artifacts().wheel
        python = make_environment(context, lock, extra=[wheel], name="cleanroom")
        demands = read_demands(context.policies, CLASSES)
        attempts, faults = attack([str(python.parent / _COMMAND)], demands, (*ATTACKS, *LAST))
        scope = Scope("attack classes", frozenset(demands.minimum), frozenset(attempts))
        return GateOutput(
            (scope,),
            findings=tuple(_finding(fault) for fault in faults),
            notes=(f"random mutations were drawn with seed {demands.seed}",),
            attempts=dict(sorted(attempts.items())),
        )

    def inputs(self, context: Context) -> str:
        """Digest what is installed."""
        return digest_artifacts(context)

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Attack each specimen's toy."""
        demands = read_demands(context.policies, CLASSES)
        specimens = discover(context.policies, self.name)
        with ThreadPoolExecutor(_AT_A_TIME) as pool:  # much of an attack is waiting
            return tuple(pool.map(lambda one: _outcome(one, demands), specimens))


def attack(
    command: Sequence[str], demands: Demands, attacks: Iterable[tuple[str, str, Attack]]
) -> tuple[Counter[str], list[Fault]]:
    """Let attacks at a command; the attempts of each class, and what was wrong, each once."""
    chosen = list(attacks)
    with Arena(command, demands) as arena:
        arena.run(one for one in chosen if one not in LAST)
        arena.run(one for one in chosen if one in LAST)
        arena.look_back()
    faults = [*arena.faults]
    for name in dict.fromkeys(name for name, _, _ in chosen):
        made, least = arena.attempts[name], demands.minimum[name]
        if made < least:
            faults.append(Fault(NOT_RUN, f"{name}: {made} attempts of {least} were made"))
    return arena.attempts, list(dict.fromkeys(faults))


def _outcome(specimen: Specimen, demands: Demands) -> SpecimenOutcome:
    """Let the specimen's class at a toy that has the specimen's fault."""
    table = tomllib.loads(specimen.path.read_text("utf-8"))
    name = str(table["class"])
    if name not in CLASSES:
        raise CouldNotRun(f"{specimen.name}: there is no class {name}")
    least = int(table.get("minimum", demands.minimum[name]))
    lower = dataclasses.replace(
        demands,
        minimum={**demands.minimum, name: least},
        answer=float(table.get("answer", demands.answer)),
        growth_bytes=_SPECIMEN_GROWTH,
        fuzz_frames=demands.minimum["fuzz"],
    )
    toy = ["env", f"PYTHONPATH={_ROOT}", sys.executable, "-m", _TOY, str(table["fault"])]
    chosen = [one for one in (*ATTACKS, *LAST) if one[:2] == (name, _TOYS_KIND)]
    fired = {fault.rule for fault in attack(toy, lower, chosen)[1]}
    return specimen.outcome(fired=specimen.rule in fired)


def _finding(fault: Fault) -> Finding:
    what = " ".join(fault.what.split())
    return Finding(fault.rule, what, snippet=what, context=what.partition(":")[0])
