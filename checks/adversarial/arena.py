"""Starts the buses, lets every class of attack at them, and counts the attempts."""

from __future__ import annotations

import secrets
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from checks.adversarial.forge import KEY_ID, Forge, RsaForge, as_jwk
from checks.adversarial.kinds import BY_ISSUER, KINDS
from checks.adversarial.listeners import Answer, Listener
from checks.adversarial.rules import CONNECTED_OUT
from checks.adversarial.target import Target
from checks.fault import Fault, NoAnswerError
from checks.model import CouldNotRun
from checks.served import free_ports, started, wait_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from checks.adversarial.answers import Verdict
    from checks.adversarial.policy import Demands

    Attack = Callable[[Target], Iterator[Verdict]]

_AT_A_TIME = 6
_BOOT = 60.0
_TAIL = 400


class Arena:
    """All buses of one run; ends them all."""

    def __init__(self, command: Sequence[str], demands: Demands) -> None:
        self._command = list(command)
        self._demands = demands
        self._stack = ExitStack()
        self._canary = Listener(Answer())
        self._targets: dict[str, Target] = {}
        self.attempts: Counter[str] = Counter()
        self.faults: list[Fault] = []

    def __enter__(self) -> Self:
        self._stack.enter_context(self._canary)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def run(self, attacks: Iterable[tuple[str, str, Attack]]) -> None:
        """Run attacks, each given as its class, the kind of bus and itself, side by side."""
        listed = list(attacks)
        new = [kind for kind in dict.fromkeys(k for _, k, _ in listed) if kind not in self._targets]
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            self._targets |= zip(new, pool.map(self._start, new), strict=True)
            tasks = [
                pool.submit(self._attack, name, self._targets[kind], attack)
                for name, kind, attack in listed
            ]
        for task in tasks:
            name, attempts, faults = task.result()
            self.attempts[name] += attempts
            self.faults += [Fault(one.rule, f"{name}: {one.what}") for one in faults]

    def look_back(self) -> None:
        """Judge what only shows when all is over."""
        for kind, target in self._targets.items():
            self.faults += [Fault(o.rule, f"{kind}: {o.what}") for o in target.aftermath()]
        if self._canary.asked:
            what = f"something connected {self._canary.asked} times where a client pointed it"
            self.faults.append(Fault(CONNECTED_OUT, what))

    def _attack(self, name: str, target: Target, attack: Attack) -> tuple[str, int, list[Fault]]:
        attempts, faults, last = 0, list[Fault](), "the start"
        try:
            with target.peer("healthy") as healthy:
                for verdict in attack(target):
                    attempts, last = attempts + verdict.attempts, verdict.name
                    faults += verdict.faults
                    troubles = list(target.pulse(healthy, last))
                    faults += troubles
                    if troubles:
                        break
        except NoAnswerError as error:
            faults.append(target.silence(f"after {last}: {error}"))
        return name, attempts, faults

    def _start(self, kind: str) -> Target:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        ports = free_ports(2)
        secret = secrets.token_urlsafe(48).encode()
        forge = RsaForge(secret) if kind in BY_ISSUER else Forge(secret)
        known = [as_jwk(forge.key, KEY_ID)] if isinstance(forge, RsaForge) else []
        issuer = self._stack.enter_context(Listener(Answer({"keys": known})))
        env = KINDS[kind](folder, secret.decode(), issuer.url)
        argv = ["serve", "--port", str(ports[0]), "--http-port", str(ports[1])]
        argv += ["--data-dir", str(folder / "data")]
        served = self._stack.enter_context(started([*self._command, *argv], cwd=folder, env=env))
        if not wait_ready(served, ports[1], _BOOT):
            raise CouldNotRun(f"the bus did not start ({kind}): {served.said()[-_TAIL:]}")
        target = Target(served, (ports[0], ports[1]), forge, self._demands, self._canary, issuer)
        target.weigh()
        return target
