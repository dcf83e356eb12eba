"""The gate `durability`: the installed bus says of every message what really became of it.

The command is started as it was installed from the wheel, with a real Valkey server from a wheel
in the checks' environment. The server is missing, weakened, killed, emptied and brought back, the
bus is killed under load, and each receipt, refusal, page, metric, notice and delivery is held
against what is in the store at the end.
"""

from __future__ import annotations

import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from checks.durability.rules import RULES
from checks.durability.scenarios import SCENARIOS, play
from checks.durability.stage import Limits
from checks.durability.valkey import valkey_binary
from checks.environments import make_environment
from checks.kept import digest_artifacts
from checks.model import CouldNotRun, Finding, GateOutput, NotApplicable, Scope
from checks.specimens import discover

if TYPE_CHECKING:
    from checks.context import Context
    from checks.fault import Fault
    from checks.model import SpecimenOutcome
    from checks.specimens import Specimen

_COMMAND = "arqonbus"
_ROOT = Path(__file__).resolve().parents[2]
_TOY = "checks.probes.toy_durable"
_AT_A_TIME = 3
_SCENARIOS_AT_A_TIME = 2
_SPECIMEN_LIMITS = Limits(boot=10, answer=5, turn=3, load=50)


class DurabilityGate:
    """Play every scenario with the installed command, and show on toys that the rules bite."""

    name = "durability"
    title = "The installed bus never says more of a message than what became of it"
    rules = RULES

    def check(self, context: Context) -> GateOutput:
        """Judge the installed command.

        Raises:
            NotApplicable: the project does not install the command that the scenarios are about.
            CouldNotRun: there is no lock or no Valkey server, or something can't be started.
        """
        if context.manifest.name != _COMMAND:
            raise NotApplicable(f"it starts the server {_COMMAND}, which is not of this project")
        if context.manifest.lock is None:
            raise CouldNotRun("the project has no runtime lock to install from")
        valkey, run = valkey_binary()
        lock = context.project / context.manifest.lock
        wheel = context.artifacts().wheel
        python = make_environment(context, lock, extra=[wheel], name="cleanroom")
        command = [str(python.parent / _COMMAND)]
        with ThreadPoolExecutor(_SCENARIOS_AT_A_TIME) as pool:  # they mostly wait for servers
            found = pool.map(lambda name: play(name, command, valkey, Limits()), SCENARIOS)
            played = dict(zip(SCENARIOS, found, strict=True))
        findings = [_finding(name, fault) for name, found in played.items() for fault in found]
        scope = Scope("scenarios", frozenset(SCENARIOS), frozenset(played))
        return GateOutput((scope,), findings=tuple(findings), tools=(run,))

    def inputs(self, context: Context) -> str:
        """Digest what is installed."""
        return digest_artifacts(context)

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Play each specimen's scenario with a toy."""
        valkey, _ = valkey_binary()
        specimens = discover(context.policies, self.name)
        # They mostly wait for each other's ends: processes that start, limits that pass.
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            return tuple(pool.map(lambda one: _outcome(one, valkey), specimens))


def _outcome(specimen: Specimen, valkey: Path) -> SpecimenOutcome:
    """Play the specimen's scenario with a toy that has the specimen's fault."""
    table = tomllib.loads(specimen.path.read_text("utf-8"))
    name = str(table["scenario"])
    if name not in SCENARIOS:
        raise CouldNotRun(f"{specimen.name}: there is no scenario {name}")
    toy = ["env", f"PYTHONPATH={_ROOT}", sys.executable, "-m", _TOY, str(table["fault"])]
    fired = {fault.rule for fault in play(name, toy, valkey, _SPECIMEN_LIMITS)}
    return specimen.outcome(fired=specimen.rule in fired)


def _finding(scenario: str, fault: Fault) -> Finding:
    what = " ".join(fault.what.split())
    return Finding(fault.rule, f"{scenario}: {what}", snippet=scenario, context=scenario)
