"""Which options make a run prove less than it seems to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.suites.evidence import Options

_FLAGS = {
    "collectonly": "--collect-only runs nothing",
    "setuponly": "--setup-only runs no test's body",
    "setupplan": "--setup-plan runs nothing",
    "noconftest": "--noconftest leaves out what the tests rest on",
    "lf": "--last-failed leaves out what passed before",
    "stepwise": "--stepwise stops at a failure and goes on from there",
}
_VALUES = {
    "keyword": "-k",
    "markexpr": "-m",
    "deselect": "--deselect",
    "ignore": "--ignore",
    "ignore_glob": "--ignore-glob",
}
# What pytest makes of its own --strict-markers and --strict-config, and what only costs time.
_HARMLESS = frozenset({"-o strict_markers=true", "-o strict_config=true", "-p no:cacheprovider"})


def narrowings(options: Options) -> Iterator[str]:
    """Yield what leaves tests out, or runs them without what belongs to them."""
    yield from (what for name, what in _FLAGS.items() if getattr(options, name))
    for name, option in _VALUES.items():
        if value := getattr(options, name):
            yield f"{option} {value if isinstance(value, str) else ', '.join(value)}"
    if options.paths != options.testpaths:
        yield f"only {', '.join(options.paths)} of {', '.join(options.testpaths) or 'nothing'}"
    yield from (f"{name}={value}" for name, value in options.environment.items())
    switched_off = [f"-p {one}" for one in options.plugins if one.startswith("no:")]
    yield from sorted({*switched_off, *(f"-o {one}" for one in options.override_ini)} - _HARMLESS)


def lenience(options: Options) -> Iterator[str]:
    """Yield what lets a test pass that should not."""
    if not options.xfail_strict:
        yield "xfail_strict is off: a test that is marked as a failure may pass unseen"
    if not options.warnings_are_errors:
        yield "filterwarnings has no 'error': a test that returns False passes with a warning"
    for one in options.pythonwarnings:
        yield f"-W {one} softens what warnings are"
    if options.runxfail:
        yield "--runxfail runs expected failures as if they were not marked"
    if options.optimize:
        yield f"Python ran with -O (level {options.optimize}): assert statements may be gone"
