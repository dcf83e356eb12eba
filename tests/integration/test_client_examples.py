"""Each example of docs/client.md is run as it stands, but for its addresses."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from support.payload_rules import policy_file
from support.server import Server, environment, serving
from support.tokens import SECRET, signed

PAGE = Path(__file__).parents[2] / "docs" / "client.md"
HELLO, TOKENS, REFUSALS = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
POLICY = """
schema = 1
[[rule]]
id = "all"
effect = "allow"
subjects = ["*"]
actions = ["publish", "subscribe", "create", "admin"]
"""
LIMIT = 60


@asynccontextmanager
async def example(text: str, **addresses: str) -> AsyncIterator[asyncio.StreamReader]:
    """The example's standard output."""
    for port, url in addresses.items():
        found = re.search(rf'"[a-z]+://127\.0\.0\.1:{port.removeprefix("at_")}[^"]*"', text)
        assert found is not None
        text = text.replace(found[0], f'"{url}"')
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-u", "-c", text, env=environment({}), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line(output: asyncio.StreamReader) -> str:
    return (await asyncio.wait_for(output.readline(), LIMIT)).decode().strip()


async def test_the_first_example(bus: Server) -> None:
    async with example(HELLO, at_9100=bus.url) as output:
        assert [await line(output), await line(output)] == ["1 disk", "1 {'text': 'hello'}"]


async def test_what_is_refused(tmp_path: Path, bus: Server) -> None:
    async with example(REFUSALS, at_9100=bus.url) as output:
        assert await line(output) == "taken at 1"
    rules = policy_file(tmp_path, '[[rule]]\nid = "no-secrets"\ndetect = ["secrets"]\n')
    async with (
        serving(tmp_path / "ruled", casil_policy_file=rules) as ruled,
        example(REFUSALS, at_9100=ruled.url) as output,
    ):
        assert await line(output) == "blocked by the rule no-secrets"


@asynccontextmanager
async def login() -> AsyncIterator[str]:
    """What gives tokens; its URL."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=signed() + "\n")

    app = web.Application()
    app.router.add_get("/token", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/token"
    finally:
        await runner.cleanup()


async def test_tokens(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)
    async with (
        serving(tmp_path / "data", auth_secret=SECRET, access_policy_file=policy) as bus,
        login() as url,
        example(TOKENS, at_9100=bus.url, at_8099=url) as output,
    ):
        assert await line(output) == "hello"
