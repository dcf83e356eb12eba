"""Which environments tox's settings name, and what each of them inherits or refers to."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from checks.toxfiles.read import BASE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.toxfiles.read import Toxfile

_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)-(\d+)")
_REFERENCE = re.compile(r"\{\[([^\]]+)\]([^}]+)\}")
_FACTORS = re.compile(r"\s*(?P<factors>!?[\w.{}][\w.{},!-]*):\s+(?P<rest>.*)")
_BROKEN = re.compile(r"\s*\\\n\s*")
_PYTHON = re.compile(r"(?:py|python)?3\.?(\d{1,2})t?")


def expand(text: str) -> list[str]:
    """Return the names that a list with braces stands for: ``py3{11,12}-a``, ``py3{11-13}``."""
    names = re.split(r"[,\s]+(?![^{]*\})", text.strip())
    return [full for name in names if name for full in _expanded(name)]


def listed(file: Toxfile) -> list[str]:
    """Return the environments of ``env_list``, which run when nobody names one."""
    head = file.sections.get("tox", {})
    text = head.get("env_list", head.get("envlist", ""))
    return expand("\n".join(line.partition("#")[0] for line in text.splitlines()))


def every_environment(file: Toxfile) -> dict[str, str]:
    """Return all environments by name, each with its section; tox's own are no runs."""
    found = {
        name: section
        for section in file.sections
        if section.startswith(f"{BASE}:")
        for name in expand(section.removeprefix(f"{BASE}:"))
        if not name.startswith(".")
    }
    return {**dict.fromkeys(listed(file) or ["py"], BASE), **found}


def pythons_listed(file: Toxfile) -> set[str]:
    """Return the Pythons that ``env_list`` names, as ``3.12``."""
    factors = {factor for name in listed(file) for factor in name.split("-")}
    return {f"3.{found[1]}" for one in factors if (found := _PYTHON.fullmatch(one))}


def commands_of(file: Toxfile, name: str, section: str) -> list[str]:
    """Return the lines that an environment runs, after inheritance, references and factors."""
    text = resolve(file, inherited(file, section, "commands"))
    return [line for line in _applying(text, name) if line]


def inherited(file: Toxfile, section: str, key: str) -> str:
    """Return a section's value: its own, even an empty one, or that of what it is based on."""
    for one in _line_of_descent(file, section):
        if key in file.sections.get(one, {}):
            return file.sections[one][key]
    return ""


def resolve(file: Toxfile, text: str, *, seen: frozenset[str] = frozenset()) -> str:
    """Return a text with its references to other sections filled in; a circle ends empty."""

    def filled(found: re.Match[str]) -> str:
        if found[0] in seen or found[1] not in file.sections:
            return "" if found[0] in seen else found[0]
        value = inherited(file, found[1], found[2])
        return resolve(file, value, seen=seen | {found[0]})

    return _REFERENCE.sub(filled, text)


def whole_lines(text: str) -> list[str]:
    """Return a text's lines, those that a backslash broke as one."""
    return [line.strip() for line in _BROKEN.sub(" ", text).splitlines()]


def _line_of_descent(file: Toxfile, section: str) -> list[str]:
    """Return a section and what it takes its values from, nearest first."""
    found, waiting = [], [section]
    while waiting:
        one = waiting.pop(0)
        if one in found:
            continue
        found.append(one)
        if one.startswith(f"{BASE}:"):
            named = expand(file.sections.get(one, {}).get("base", "")) or [BASE]
            waiting += [base if base == BASE else f"{BASE}:{base}" for base in named]
    return found


def _applying(text: str, name: str) -> Iterator[str]:
    """Yield the lines whose factors an environment has."""
    for line in whole_lines(text):
        found = _FACTORS.fullmatch(line)
        if found is None:
            yield line
        elif any(_has(name, one) for one in expand(found["factors"])):
            yield found["rest"].strip()


def _has(name: str, factors: str) -> bool:
    parts = set(name.split("-"))
    return all(
        (one[1:] not in parts) if one.startswith("!") else (one in parts)
        for one in factors.split("-")
    )


def _expanded(name: str) -> Iterator[str]:
    pieces = _BRACES.split(name)
    choices = [_choices(piece) if number % 2 else [piece] for number, piece in enumerate(pieces)]
    return map("".join, itertools.product(*choices))


def _choices(text: str) -> list[str]:
    found: list[str] = []
    for one in (part.strip() for part in text.split(",")):
        ends = _RANGE.fullmatch(one)
        found += map(str, range(int(ends[1]), int(ends[2]) + 1)) if ends else [one]
    return found
