"""A group whose commands are imported when they are asked for.

A command that starts, or refuses to, should not wait for what another one needs: the load tool and
the client take longer to import than reading and refusing a configuration.
"""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING, ClassVar

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


class LazyGroup(click.Group):
    """A group of commands known by name and by ``module:attribute``, listed in this order."""

    places: ClassVar[Mapping[str, str]] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the table's order."""
        return [*self.places, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one that is asked for; None for a name that is none."""
        if cmd_name not in self.places:
            return super().get_command(ctx, cmd_name)
        command = pkgutil.resolve_name(self.places[cmd_name])
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.places[cmd_name]} is no command")
        return command
