"""The list of everything that must be looked at, made before any gate runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class Manifest:
    """Paths are POSIX and relative to the project's root.

    `shipped` are the files of the import packages (what the wheel is made from); `python` those
    ending in .py or .pyi; `rust` the .rs files of crates. `packages` are top-level import names.
    `locked` maps each locked runtime distribution (canonical name) to its version; `lock` is the
    runtime lock's path or None. `version` is the project's, `name` its distribution name.
    """

    name: str
    version: str
    packages: tuple[str, ...]
    package_roots: tuple[PurePosixPath, ...]
    shipped: frozenset[str]
    python: frozenset[str]
    rust: frozenset[str]
    lock: str | None
    locked: dict[str, str]
