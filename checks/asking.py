"""Asks a gate for its two answers, the project's and the specimens', or takes them as they were."""

from __future__ import annotations

import dataclasses
import datetime as dt
import sys
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from checks.kept import PROJECT, SPECIMENS, digest_files, key_of
from checks.model import CouldNotRun, Taken

if TYPE_CHECKING:
    from checks.context import Context
    from checks.gates.interface import Gate
    from checks.kept import Shelf
    from checks.model import Finding, GateOutput, SpecimenOutcome

Answer: TypeAlias = "GateOutput | tuple[SpecimenOutcome, ...]"


@dataclass(frozen=True, slots=True)
class Asked:
    """A gate's whole output, what of it comes from an earlier run, and what is new."""

    output: GateOutput
    taken: tuple[Taken, ...]
    fresh: tuple[tuple[Taken, Answer], ...]

    def keep(self, shelf: Shelf, *, passed: bool) -> None:
        """Keep what is clean: of the project only when the gate passed, and specimens that are."""
        for taken, answer in self.fresh:
            if passed or (isinstance(answer, tuple) and all(one.ok for one in answer)):
                shelf.keep(taken, answer)


def ask(gate: Gate, context: Context, shelf: Shelf | None) -> Asked:
    """Ask for both answers and join them; what a gate raises goes through."""
    output, about_project, old = _project(gate, context, shelf)
    examples, about_specimens, old_too = _specimens(gate, context, shelf)
    answers: list[tuple[Taken, bool, Answer]] = [
        (about_project, old, output),
        (about_specimens, old_too, examples),
    ]
    return Asked(
        dataclasses.replace(output, specimens=(*output.specimens, *examples)),
        tuple(about for about, is_old, _ in answers if is_old),
        tuple((about, one) for about, is_old, one in answers if about.digest and not is_old),
    )


def _project(gate: Gate, context: Context, shelf: Shelf | None) -> tuple[GateOutput, Taken, bool]:
    inputs = _inputs(gate, context) if shelf is not None else None
    key = "" if inputs is None else key_of(gate.name, PROJECT, inputs, context.policies)
    kept = shelf.take(key) if shelf is not None and key else None
    if kept is not None and kept.output is not None:
        return kept.output, kept.taken, True
    watch = _Watch()
    output = numbered(_portable_output(gate.check(context), context))
    return output, watch.taken(PROJECT, key), False


def _inputs(gate: Gate, context: Context) -> str | None:
    """Return what an answer depends on; None where that can't be told, so nothing is kept.

    `check` then meets the same trouble, or has no need of what is missing, and says so itself.
    """
    try:
        return gate.inputs(context)
    except CouldNotRun:
        return None


def _specimens(
    gate: Gate, context: Context, shelf: Shelf | None
) -> tuple[tuple[SpecimenOutcome, ...], Taken, bool]:
    """Ask for the specimens' outcomes, which depend on nothing of the project but its lock."""
    lock = digest_files(context.project, [context.manifest.lock] if context.manifest.lock else [])
    key = "" if shelf is None else key_of(gate.name, SPECIMENS, lock, context.policies)
    kept = shelf.take(key) if shelf is not None else None
    if kept is not None and kept.specimens:
        return kept.specimens, kept.taken, True
    watch = _Watch()
    return gate.specimens(context), watch.taken(SPECIMENS, key), False


class _Watch:
    """Notes when an answer was begun, and how long it took."""

    def __init__(self) -> None:
        self._started = dt.datetime.now(dt.UTC)
        self._began = time.monotonic()

    def taken(self, part: str, key: str) -> Taken:
        seconds = round(time.monotonic() - self._began, 3)
        return Taken(part, self._started.isoformat(timespec="seconds"), seconds, key)


def numbered(output: GateOutput) -> GateOutput:
    """Number findings that are equal but for their line: each is one of its own."""
    seen: Counter[str] = Counter()

    def number(finding: Finding) -> Finding:
        plain = dataclasses.replace(finding, occurrence=1)
        seen[plain.fingerprint] += 1
        return dataclasses.replace(plain, occurrence=seen[plain.fingerprint])

    return dataclasses.replace(output, findings=tuple(number(one) for one in output.findings))


def _portable_output(output: GateOutput, context: Context) -> GateOutput:
    """Take this machine's paths out of an output: fingerprints must come out the same again."""
    clean = partial(portable, context=context)
    return dataclasses.replace(
        output,
        findings=tuple(
            dataclasses.replace(
                one,
                message=clean(one.message),
                snippet=clean(one.snippet),
                context=clean(one.context),
            )
            for one in output.findings
        ),
        tools=tuple(
            dataclasses.replace(one, argv=tuple(map(clean, one.argv))) for one in output.tools
        ),
        notes=tuple(map(clean, output.notes)),
        warnings=tuple(map(clean, output.warnings)),
        caveats=tuple(map(clean, output.caveats)),
    )


def portable(text: str, context: Context) -> str:
    """Take this machine's paths out of a text that goes into reports, the longest first."""
    places = {
        context.work: "<work>",
        context.cache: "<cache>",
        context.project: ".",
        context.policies: "<policies>",
        Path(sys.prefix): "<tools>",
    }
    for place, name in sorted(places.items(), key=lambda one: -len(str(one[0]))):
        text = text.replace(str(place), name)
    return text
