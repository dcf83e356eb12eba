"""Commands called as a session calls them: by name, with arguments from the wire."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from unit.arqonbus.gateway.fakes import FakeConnection, FakeStorage
from unit.arqonbus.gateway.wired import Wired

from arqonbus.commands.context import Reply
from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.gateway.session import Session
from arqonbus.protocol.json_codec import JsonCodec

Payload = dict[str, Any]


class Calls:
    """A bus with a connected client, `caller`, on whose behalf commands run."""

    def __init__(self, storage: FakeStorage | None = None, **limits: int) -> None:
        self.storage = storage or FakeStorage()
        self.wired = Wired(self.storage, limits)
        self.caller, self.connection = self.wired.session("c_1")

    async def reply(self, name: str, **args: object) -> Reply:
        command = self.wired.registry.get(name)
        given = JsonCodec().args(msgspec.Raw(json.dumps(args).encode()), command.args)
        return await command.run(self.wired.services, self.caller, given)

    async def payload(self, name: str, **args: object) -> Payload:
        """A command's answer, with what it does after it done."""
        reply = await self.reply(name, **args)
        if reply.then is not None:
            await reply.then()
        assert isinstance(reply.payload, dict)
        return reply.payload

    async def refusal(self, name: str, **args: object) -> ArqonBusError:
        with pytest.raises(ArqonBusError) as caught:
            await self.payload(name, **args)
        return caught.value

    async def code(self, name: str, **args: object) -> ErrorCode:
        return (await self.refusal(name, **args)).code

    def another(self, client_id: str = "c_2") -> tuple[Session, FakeConnection]:
        return self.wired.session(client_id)
