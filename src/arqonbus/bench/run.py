"""One measurement: a fresh server on its core, a fresh worker on the other."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict, Unpack

import msgspec

from arqonbus.bench.errors import BenchError
from arqonbus.bench.flood import BEGUN
from arqonbus.bench.plan import Outcome, Plan, ServerKind
from arqonbus.bench.servers import running
from arqonbus.bench.system import pin, raise_file_limit

_SPARE_FILES = 400
# After so many seconds of a flood what a rate lets pass at once has passed.
_SETTLING = 2.0
# How much a flood's process yields to the others on its core.
_YIELDING = 10
Show = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a measurement runs: the cores, the folder whose disk is used, and further settings of
    an ArqonBus, named as its variables without the prefix.
    """

    server_core: int | None
    client_core: int | None
    folder: Path
    store: str = "memory"
    settings: Mapping[str, str] = field(default_factory=dict)


class Load(TypedDict, total=False):
    """The part of a plan that does not depend on where the server runs."""

    subscribers: int
    publishers: int
    payload: int
    seconds: float
    window: int
    checked: int
    rate: int


def measure(plan: Plan, place: Place, show: Show) -> Outcome:
    """Start the server, run the plan against it (its port and pid are filled in), stop it.

    Raises:
        BenchError: anything went wrong; there are no figures then.
    """
    raise_file_limit(plan.subscribers + plan.publishers + plan.flooders + _SPARE_FILES)
    with scratch(place.folder) as folder:
        return _measure_in(folder, plan, place, show)


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A folder on the disk of `folder` that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=".arqonbus-bench-", dir=folder) as made:
        yield Path(made)


def _measure_in(folder: Path, plan: Plan, place: Place, show: Show) -> Outcome:
    with running(plan.server, folder, place.server_core, place.store, place.settings) as server:
        ready = msgspec.structs.replace(
            plan, port=server.port, pid=server.pid, store_pid=server.store_pid
        )
        with _flooding(ready, place.client_core):
            return _work(ready, place.client_core, show)


@contextmanager
def _flooding(plan: Plan, core: int | None) -> Iterator[None]:
    """Another tenant's load, in a process of its own that yields to the one that measures."""
    if not plan.flooders:
        yield
        return
    process = _worker(msgspec.structs.replace(plan, scenario="flood"))
    try:
        pin(process.pid, core)
        if sys.platform != "win32":
            os.setpriority(os.PRIO_PROCESS, process.pid, _YIELDING)
        said = ""
        while said != BEGUN:
            line = process.stderr.readline() if process.stderr is not None else ""
            if not line:
                raise BenchError(f"the flood did not begin: {said or 'it said nothing'}")
            said = line.strip()
        time.sleep(_SETTLING)
        yield
        if process.poll() is not None:
            raise BenchError("the flood ended before its time, so nothing was measured")
    finally:
        process.kill()
        process.communicate()


def _worker(plan: Plan) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "arqonbus.bench.worker", msgspec.json.encode(plan).decode()]
    return subprocess.Popen(  # noqa: S603 - our own program
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _work(plan: Plan, core: int | None, show: Show) -> Outcome:
    process = _worker(plan)
    last = ""
    try:
        pin(process.pid, core)
        if process.stdout is None or process.stderr is None:
            raise BenchError("the load client has no output")
        for line in process.stderr:
            last = line.strip()
            show(f"{plan.server}: {last}")
        answer = process.stdout.read()
        status = process.wait()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
    if status != 0:
        raise BenchError(f"{plan.scenario} on {plan.server}: {last or 'the load client failed'}")
    return msgspec.json.decode(answer, type=Outcome)


def alternate(
    plans: dict[ServerKind, Plan], place: Place, rounds: int, show: Show
) -> dict[ServerKind, list[Outcome]]:
    """Every plan once a round, so that a slow moment of the machine meets all of them."""
    outcomes: dict[ServerKind, list[Outcome]] = {kind: [] for kind in plans}
    for number in range(rounds):
        for kind, plan in plans.items():
            show(f"{kind}: round {number + 1} of {rounds}")
            outcomes[kind].append(measure(plan, place, show))
    return outcomes


def plans_for(
    scenario: str, kinds: list[ServerKind], codec: str, qos: int, **load: Unpack[Load]
) -> dict[ServerKind, Plan]:
    """The same load for each server."""
    return {
        kind: msgspec.convert(
            {"scenario": scenario, "server": kind, "codec": codec, "qos": qos, "port": 0, "pid": 0}
            | load,
            type=Plan,
        )
        for kind in kinds
    }
