"""A command's arguments were refused for what they hold, and the log told them as the address."""

from __future__ import annotations

import json
from pathlib import Path

from support.payload_rules import AWS_KEY, policy_file
from support.peer import peer
from support.server import serving

RULES = '[[rule]]\nid = "secrets"\ndetect = ["secrets"]\n'


async def test_no_log_line_tells_it(tmp_path: Path, codec: str) -> None:
    rules = policy_file(tmp_path, RULES)
    async with serving(tmp_path / "data", casil_policy_file=rules) as server:
        async with peer(server.url, codec) as one:
            for room, channel in ((AWS_KEY, "talk"), ("lobby", AWS_KEY)):
                refused = await one.call("create_channel", room=room, channel=channel)
                assert refused["error_code"] == "POLICY_BLOCKED"
                assert refused["error"].startswith("secrets: aws-access-key at args/")
        assert await server.stop() == 0
        assert len(server.events("payload rules found something")) == 2
        assert AWS_KEY not in json.dumps(server.log)
