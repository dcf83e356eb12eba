"""Commands by name, each with its typed arguments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from arqonbus.commands.context import Caller, Reply, Services
from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.model.action import Action


class Args(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of all argument structs: an unknown argument is an error."""


class ChannelArgs(Args):
    """A channel by its names."""

    room: str
    channel: str


class NoArgs(Args):
    """For commands without arguments."""


@dataclass(frozen=True, slots=True)
class Command:
    """`run` is called with the services, the caller and the decoded arguments.

    `action` is what the caller must be allowed to do, with the channel that the arguments name if
    it concerns one. None is for what `run` itself checks, or for what tells of nobody else.
    The arguments of a `secret` one are for the server alone.
    """

    name: str
    summary: str
    args: type[Args]
    run: Callable[[Services, Caller, Any], Awaitable[Reply]]  # Any: the command's own Args
    action: Action | None
    secret: bool = False

    def where(self, args: Args) -> tuple[str, str]:
        """The channel that `action` concerns: what the arguments name, or nothing."""
        return (args.room, args.channel) if isinstance(args, ChannelArgs) else ("", "")


class Registry:
    """All commands that this server knows."""

    def __init__(self, commands: Iterable[Command]) -> None:
        self._commands: dict[str, Command] = {}
        for command in commands:
            if command.name in self._commands:
                raise ValueError(f"two commands are named {command.name}")
            self._commands[command.name] = command

    def __contains__(self, name: object) -> bool:
        return name in self._commands

    def __iter__(self) -> Iterator[Command]:
        return iter(self._commands.values())

    def get(self, name: str) -> Command:
        """The command of this name.

        Raises:
            ArqonBusError: UNKNOWN_COMMAND.
        """
        try:
            return self._commands[name]
        except KeyError:
            raise ArqonBusError(
                ErrorCode.UNKNOWN_COMMAND, "no such command; help lists those that there are"
            ) from None
