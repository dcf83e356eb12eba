"""`help` and the welcome say what the server really takes."""

from __future__ import annotations

import json
from pathlib import Path

from support.peer import peer
from support.server import serving


async def test_help_defines_what_its_arguments_refer_to(tmp_path: Path) -> None:
    async with serving(tmp_path / "d") as bus, peer(bus.url) as p:
        for command in (await p.ok("help"))["commands"]:
            text = json.dumps(command["arguments"])
            defined = command.get("$defs", {})
            for name in {part.split('"')[0] for part in text.split("#/$defs/")[1:]}:
                assert "seq" in defined[name]["properties"]


async def test_the_welcome_offers_nothing_that_is_switched_off(tmp_path: Path) -> None:
    off = {"groups_enabled": "false", "delayed_enabled": "false"}
    async with serving(tmp_path / "d", **off) as bus, peer(bus.url) as p:
        assert not {"groups", "delayed"} & set(p.welcome["payload"]["capabilities"])
    async with serving(tmp_path / "d") as bus, peer(bus.url) as p:
        assert {"groups", "delayed"} <= set(p.welcome["payload"]["capabilities"])
