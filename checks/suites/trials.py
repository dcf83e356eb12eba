"""Runs modules' tests over their mutants, in copies of the tree, several at a time."""

from __future__ import annotations

import itertools
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING

from checks.build import copy_source
from checks.model import CouldNotRun
from checks.suites.lane import Answer, Lane

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from checks.suites.mutants import Mutant
    from checks.suites.sampling import Draw, Module, MutationPolicy

_AT_A_TIME = 2
_ALL_PASSED, _SOME_FAILED, _INTERRUPTED = 0, 1, 2  # pytest's exit statuses
_OUT_OF_TIME = (-signal.SIGALRM, -signal.SIGXCPU)


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one mutant; `by` is the test that noticed it, or how its run ended."""

    module: Module
    mutant: Mutant
    killed: bool
    by: str
    seconds: float


def try_out(
    project: Path, work: Path, policy: MutationPolicy, draws: Sequence[Draw]
) -> tuple[Fate, ...]:
    """Return the fate of every mutant that was drawn.

    Raises:
        CouldNotRun: tests fail or do nothing even without a fault, or a run's end means nothing.
    """
    tests = sorted({test for draw in draws for test in draw.module.tests})
    folders = [work / f"lane{number}" for number in range(min(_AT_A_TIME, len(draws)))]
    lanes: SimpleQueue[Lane] = SimpleQueue()
    with ExitStack() as stack, ThreadPoolExecutor(_AT_A_TIME) as pool:
        for folder in folders:
            if folder is folders[0]:
                copy_source(project, folder)
            else:
                shutil.copytree(folders[0], folder)  # with the bytecode that is made by now
            lane = stack.enter_context(Lane(folder, policy))
            answer = lane.load(tests)
            _require_sound(lane, answer, "the tests that must notice faults can't be collected")
            lanes.put(lane)
        return tuple(itertools.chain(*pool.map(lambda one: _fates(lanes, one), draws)))


def _fates(lanes: SimpleQueue[Lane], draw: Draw) -> list[Fate]:
    lane = lanes.get()
    try:
        unharmed = lane.run(draw.module)
        _require_sound(lane, unharmed, f"the tests of {draw.module.path} fail without any fault")
        if not unharmed.passed:
            raise CouldNotRun(f"the tests of {draw.module.path} do nothing: none passed")
        return [_fate(lane, draw.module, one) for one in draw.chosen]
    finally:
        lanes.put(lane)


def _fate(lane: Lane, module: Module, mutant: Mutant) -> Fate:
    answer = lane.run(module, mutant.text)
    if answer.exit in _OUT_OF_TIME:
        return Fate(module, mutant, True, "it did not end in time", answer.seconds)
    if answer.exit in {_SOME_FAILED, _INTERRUPTED} and answer.failed:
        return Fate(module, mutant, True, answer.failed, answer.seconds)
    if answer.exit == _ALL_PASSED and answer.passed:
        return Fate(module, mutant, False, "no test", answer.seconds)
    raise _meaningless(lane, f"{module.path} with {mutant.name}: pytest exited {answer.exit}")


def _require_sound(lane: Lane, answer: Answer, problem: str) -> None:
    if answer.exit != _ALL_PASSED:
        raise _meaningless(lane, f"{problem}: pytest exited {answer.exit} at {answer.failed}")


def _meaningless(lane: Lane, problem: str) -> CouldNotRun:
    failure = CouldNotRun(problem)
    failure.add_note(lane.said())
    return failure
