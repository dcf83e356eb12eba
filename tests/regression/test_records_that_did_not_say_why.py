"""Somebody was turned away, and neither the log nor the audit log said for what reason."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from support.server import serving
from support.tokens import SECRET, signed
from support.whole_bus import living
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from arqonbus.telemetry.security import SecurityEvent


async def test_a_refused_handshake_left_out_what_was_wrong(tmp_path: Path) -> None:
    presented = [
        {"Authorization": f"Bearer {signed(exp=1)}"},
        {"Authorization": f"Bearer {signed('another-secret-of-thirty-two-bytes')}"},
        {},
        {"Origin": "https://elsewhere.example"},
    ]
    async with serving(tmp_path, auth_secret=SECRET, storage_backend="memory") as bus:
        for headers in presented:
            with pytest.raises(InvalidStatus):
                await connect(bus.url, additional_headers=headers, proxy=None)
        async with aiohttp.ClientSession() as session:
            await session.post(f"{bus.http}/v1/admin/reload", headers=presented[1])
        await bus.stop()
        about = [entry.get("target") for entry in bus.events("security event")]
    assert [target for target in about if target] == [
        "token: expired",
        "token: signature",
        "token: missing",
        "Origin",
        "token: signature",
    ]


RULES = 'schema = 1\nmode = "{mode}"\n[[rule]]\nid = "secrets"\ndetect = ["secrets"]\n'


async def test_policies_that_changed_between_two_runs_left_no_record(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    told: list[dict[str, str]] = []
    for mode in ("enforce", "monitor"):
        rules.write_text(RULES.format(mode=mode), "utf-8")
        async with serving(tmp_path / "data", casil_policy_file=rules) as bus:
            await bus.stop()
            [event] = [e for e in bus.events("security event") if e["what"] == "policies"]
            detail = event["detail"]
            assert isinstance(detail, dict)
            told.append(detail)
    first, second = told
    assert first == {
        "authentication": "none",
        "access": "builtin-open",
        "payload_rules": first["payload_rules"],
        "payload_rules_mode": "enforce",
    }
    assert second["payload_rules_mode"] == "monitor"
    assert second["payload_rules"] != first["payload_rules"]


async def test_rules_that_no_longer_block_were_only_told_to_have_changed(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES.format(mode="enforce"), "utf-8")
    settings = {"storage": {"backend": "memory"}, "casil": {"policy_file": rules}}
    async with living(settings) as app:
        events: list[SecurityEvent] = []
        app.shield.events.attach(events.append)
        rules.write_text(RULES.format(mode="monitor"), "utf-8")
        app.services.reloads.reload()
        [event] = events
    assert event.what == "payload rules changed"
    assert (event.detail["mode_before"], event.detail["mode_after"]) == ("enforce", "monitor")
