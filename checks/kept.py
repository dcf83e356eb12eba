"""Answers of earlier runs, kept under a digest of all that went into them.

An answer is taken again only where nothing it depends on has changed, byte for byte: the gate's own
inputs, the checks' code, the policies, the installed tools, Python and the platform. Only a clean
one is kept: what failed is looked at anew each time. Every report says what was taken, and a strict
run takes nothing.
"""

from __future__ import annotations

import hashlib
import platform
import sys
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from checks.model import GateOutput, SpecimenOutcome, Taken
from checks.specimens import digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from checks.context import Context

PROJECT, SPECIMENS = "project", "specimens"
_FORMAT = 1
_OLD = 30 * 86_400.0
_CODE = Path(__file__).resolve().parent


class Entry(msgspec.Struct, frozen=True):
    """What a file of the shelf holds: the answer, and where it comes from."""

    format: int
    taken: Taken
    output: GateOutput | None = None
    specimens: tuple[SpecimenOutcome, ...] = ()


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder of kept answers."""

    folder: Path

    def take(self, key: str) -> Entry | None:
        """Return the answer kept under a key; one that can't be read is as good as none."""
        try:
            entry = msgspec.json.decode(self._file(key).read_bytes(), type=Entry)
        except (OSError, msgspec.MsgspecError, ValueError):
            return None
        return entry if entry.format == _FORMAT and entry.taken.digest == key else None

    def keep(self, taken: Taken, answer: GateOutput | tuple[SpecimenOutcome, ...]) -> None:
        """Keep an answer, in one step: a reader finds the whole of it or nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        whole = (
            Entry(_FORMAT, taken, output=answer)
            if isinstance(answer, GateOutput)
            else Entry(_FORMAT, taken, specimens=answer)
        )
        file = self._file(taken.digest)
        part = file.with_suffix(f".{taken.part}.part")
        part.write_bytes(msgspec.json.encode(whole))
        part.replace(file)

    def forget_old(self, now: float) -> None:
        """Remove answers that are older than a month (`now` in seconds since the epoch)."""
        for file in self.folder.glob("*.json"):
            if now - file.stat().st_mtime > _OLD:
                file.unlink(missing_ok=True)

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def key_of(gate: str, part: str, inputs: str, policies: Path) -> str:
    """Return the digest over all that an answer depends on."""
    return digest_texts([gate, part, inputs, _rules(policies, gate), *_machine()])


def digest_texts(texts: Iterable[str]) -> str:
    """Return one SHA-256 over texts in their order."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def digest_files(project: Path, names: Iterable[str]) -> str:
    """Return one SHA-256 over files with their names, in any order; one may be missing."""
    paths = {name: project / name for name in names}
    inner = {name: digest(path) if path.exists() else "gone" for name, path in paths.items()}
    return digest_texts(f"{name}={inner[name]}" for name in sorted(inner))


def digest_artifacts(context: Context) -> str:
    """Return one SHA-256 over the built files and the lock they are installed with."""
    made = context.artifacts()
    lock = context.manifest.lock
    locked = digest(context.project / lock) if lock else "no lock"
    return digest_texts([digest(made.wheel), digest(made.sdist), made.wheel.name, locked])


def _rules(policies: Path, gate: str) -> str:
    """Digest the policies without other gates' specimens."""
    others = policies / "specimens"
    files = [
        file
        for file in sorted(policies.rglob("*"))
        if file.is_file()
        and "__pycache__" not in file.parts
        and (others not in file.parents or others / gate in file.parents)
    ]
    return digest_files(policies, [file.relative_to(policies).as_posix() for file in files])


@cache
def _machine() -> tuple[str, ...]:
    """Say what runs the checks: their code, every installed tool, Python and the platform."""
    tools = sorted(f"{one.name}=={one.version}" for one in metadata.distributions())
    return (digest(_CODE), digest_texts(tools), sys.version, platform.platform(), sys.prefix)
