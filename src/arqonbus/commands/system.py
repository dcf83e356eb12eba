"""ping, status, help."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import msgspec

from arqonbus.bus.clock import rfc3339
from arqonbus.commands.context import Caller, Reply, Services
from arqonbus.commands.registry import Args, Command, NoArgs
from arqonbus.errors import not_found
from arqonbus.groups.figures import GroupFigures


class HelpArgs(Args):
    """`command` limits the answer to one."""

    command: str | None = None


async def ping(services: Services, _caller: Caller, _args: NoArgs) -> Reply:
    """Answer with the server's time."""
    return Reply({"pong": True, "time": rfc3339(services.bus.tick.now())})


async def status(services: Services, caller: Caller, _args: NoArgs) -> Reply:
    """Tell the server's state as it is now, and of what is in it the caller's own tenant's part;
    all of it to those whose affair it is.
    """
    payload = {
        "server": services.server,
        "client_id": caller.client_id,
        "uptime": (services.bus.tick.now() - services.started) / 1e6,
        "joined": [str(channel.address) for channel in caller.joined],
        "storage": services.bus.condition.report(),
        "draining": services.bus.draining,
    }
    return Reply(payload | _figures(services, caller))


def _figures(services: Services, caller: Caller) -> dict[str, object]:
    """Numbers of everything, or of one tenant: what others do shows in none of them."""
    hub, groups, waiting = services.bus.hub, services.groups, services.delayed.schedule
    own = asdict(caller.account())
    if caller.operator:
        return {
            "connections": len(hub.peers),
            "channels": len(hub),
            "ledger": services.bus.ledger() | {"own": own},
            "groups": GroupFigures(groups).report(),
            "delayed": {"waiting": len(waiting)},
        }
    tenant = caller.principal.tenant
    return {
        "connections": sum(p.principal.tenant == tenant for p in hub.peers.values()),
        "channels": sum(channel.tenant == tenant for channel in hub),
        "ledger": {"own": own},
        "groups": {"groups": sum(g.channel.tenant == tenant for g in groups)},
        "delayed": {"waiting": waiting.of(tenant)[0]},
    }


def help_command(commands: Iterable[Command]) -> Command:
    """The command that lists `commands` and itself."""
    listed = list(commands)

    async def run(_services: Services, _caller: Caller, args: HelpArgs) -> Reply:
        found = [c for c in listed if args.command in (None, c.name)]
        if not found:
            raise not_found("command: no such command")
        return Reply({"commands": [_describe(command) for command in found]})

    own = Command("help", "List commands with their arguments.", HelpArgs, run, None)
    listed.append(own)
    return own


def _describe(command: Command) -> dict[str, object]:
    schema = msgspec.json.schema(command.args)
    definition = schema["$defs"].pop(command.args.__name__)
    # What the arguments refer to, as `#/$defs/NAME`.
    parts = {"$defs": schema["$defs"]} if schema["$defs"] else {}
    return {
        "name": command.name,
        "summary": command.summary,
        "arguments": definition.get("properties", {}),
        "required": definition.get("required", []),
    } | parts


COMMANDS = (
    Command("ping", "Answer with the server's time.", NoArgs, ping, None),
    Command("status", "Tell the server's state.", NoArgs, status, None),
)
