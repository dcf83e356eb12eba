"""What ``python -m checks`` does beside running the gates: one module for each command."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    import argparse

    from rich.console import Console


class Command(Protocol):
    """A module of this package, named as the command is typed."""

    SUMMARY: str

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare what the command takes."""
        ...

    def run(self, given: argparse.Namespace, console: Console) -> int:
        """Do it and return the exit code: 0 yes, 1 no.

        Raises:
            CouldNotRun: it has no trustworthy answer (exit code 2).
        """
        ...


def find_commands() -> dict[str, Command]:
    """Return every command by its name."""
    names = sorted(one.name for one in pkgutil.iter_modules(__path__))
    return {name: cast("Command", importlib.import_module(f"{__name__}.{name}")) for name in names}
