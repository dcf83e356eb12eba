"""A toy that withstands attacks as a bus does, but for the fault a specimen asks for.

Run as ``python -m checks.probes.toy_hostile FAULT serve --port P --http-port Q --data-dir D`` with
the variables of a bus; the gate `adversarial` shows with it that its rules bite. It knows tokens of
one secret, a few commands, and JSON only.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import logging
import os
import re
import sys
import time
import urllib.request
from typing import Any, TypeAlias

from aiohttp import WSMsgType, web

Entry: TypeAlias = dict[str, Any]  # Any: parsed JSON of a toy

_LARGE = 100_000
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_CHANNEL = {"room": {"type": "string"}, "channel": {"type": "string"}}
_OPEN = ("ping", "help", "status")
_COMMANDS = {
    "ping": {},
    "help": {},
    "status": {},
    "join_channel": _CHANNEL,
    "channel_info": _CHANNEL,
    "history": _CHANNEL,
    "group.join": {**_CHANNEL, "group": {"type": "string"}},
}
_FIELDS = {"type", "id", "room", "channel", "to", "payload", "command", "args", "deliver_at"}
_FIELDS |= {"start", "request_id", "metadata"}


class Refused(Exception):  # noqa: N818 - what happened to a frame
    """Why a frame is refused; the first argument is the error code."""


class Toy:
    """One toy with one fault."""

    def __init__(self, fault: str) -> None:
        self._fault = fault
        self._secret = os.environ["ARQONBUS_AUTH_SECRET"].encode()
        self._kept: dict[tuple[str, str], list[object]] = {}
        self._clients = 0
        self._swollen: list[bytes] = []

    async def page(self, request: web.Request) -> web.Response:
        """All pages."""
        shown = self._secret.decode() if self._fault == "shows-secret" else ""
        return web.Response(text=f"{request.path} {shown}")

    async def talk(self, request: web.Request) -> web.StreamResponse:
        """Serve one peer that a token lets in."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._fault == "prints-token":
            sys.stderr.write(f"refusing {token}\n")
            sys.stderr.flush()
        claims = self._verified(token)
        if claims is None or (self._fault == "refuses-all" and claims["sub"] != "healthy"):
            status = {"wrong-status": 403, "fails-at-the-door": 500}.get(self._fault, 401)
            return web.json_response({"error_code": "UNAUTHENTICATED"}, status=status)
        socket = web.WebSocketResponse(protocols=("arqonbus.v1.json",), compress=False)
        await socket.prepare(request)
        self._clients += 1
        client = {"client_id": f"c_{self._clients:012}", "subject": claims["sub"]}
        await socket.send_json({"type": "welcome", "payload": client})
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                await socket.send_json(await self._answer(frame.data, str(claims["tenant"])))
        return socket

    def _verified(self, token: str) -> Entry | None:
        """The claims of a token that holds, or None."""
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
            head, body, mark = token.split(".")
            header, claims = _object(head), _object(body)
            if self._fault == "fetches" and "jku" in header:
                urllib.request.urlopen(header["jku"], timeout=1).close()  # noqa: S310 - the fault
            if self._fault == "accepts-none" and header["alg"] == "none":
                return claims
            right = hmac.new(self._secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
            held = base64.urlsafe_b64encode(right).rstrip(b"=").decode() == mark
            if held and _sound(header, claims) and (self._in_time(claims)):
                return claims
        return None

    def _in_time(self, claims: Entry) -> bool:
        now = time.time()
        old = self._fault != "accepts-expired" and not now < claims["exp"] < now + 1e6
        return not old and claims.get("nbf", 0) <= now and claims["iat"] <= now

    async def _answer(self, text: str, tenant: str) -> Entry:
        asked: Entry = {}
        try:
            if len(text) > _LARGE:
                self._struck()
            asked = _frame(text)
            done = self._done(asked, tenant)
        except Refused as refused:
            done = {"type": "error", "error_code": refused.args[0], "error": "refused"}
        except (ValueError, RecursionError):
            code = "INTERNAL" if self._fault == "internal" else "VALIDATION_ERROR"
            done = {"type": "error", "error_code": code, "error": "refused"}
        if self._fault == "hangs" and done["type"] == "error":
            await asyncio.sleep(3600)
        return {"request_id": asked.get("id"), **done}

    def _struck(self) -> None:
        """What something large does to it."""
        if self._fault == "dies":
            os._exit(139)
        if self._fault == "swells":
            self._swollen.append(b"x" * (96 << 20))
        if self._fault == "traces":
            sys.stderr.write("Traceback (most recent call last):\n")
            sys.stderr.flush()

    def _done(self, asked: Entry, tenant: str) -> Entry:
        """What a frame does, or why it does not."""
        shelf = "all" if self._fault == "leaks" else tenant
        stranger = tenant == "elsewhere" and self._fault != "open-to-all"
        if stranger and asked.get("command") not in _OPEN:
            raise Refused("FORBIDDEN")
        if asked["type"] == "command":
            return {"type": "response", "payload": self._command(asked, shelf)}
        if "to" in asked or asked["type"] == "response":
            raise Refused("VALIDATION_ERROR" if "room" in asked else "NOT_FOUND")
        if asked["type"] != "message" or "payload" not in asked:
            raise Refused("VALIDATION_ERROR")
        place = _place(asked)
        if "deliver_at" not in asked:
            self._kept.setdefault((shelf, place), []).append(asked["payload"])
        return {"type": "ack"}

    def _command(self, asked: Entry, shelf: str) -> Entry:
        name, args = asked.get("command"), asked.get("args", {})
        if not isinstance(name, str) or name not in _COMMANDS:
            raise Refused("UNKNOWN_COMMAND")
        if not isinstance(args, dict) or (name == "ping" and args):
            raise Refused("VALIDATION_ERROR")
        if name == "help":
            listed = _COMMANDS.items()
            whole = [{"name": n, "arguments": a, "required": list(a)} for n, a in listed]
            return {"commands": whole}
        if not _COMMANDS[name]:
            return {}
        return {"messages": self._kept.get((shelf, _place(args)), []), "epoch": f"{shelf}-epoch"}


def _object(part: str) -> Entry:
    found = json.loads(_bytes(part).decode(), object_pairs_hook=_once, parse_constant=_nothing)
    if not isinstance(found, dict):
        raise ValueError("no object")  # noqa: TRY004 - one kind for all
    return found


def _bytes(part: str) -> bytes:
    data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != part:
        raise ValueError("another spelling")
    return data


def _sound(header: Entry, claims: Entry) -> bool:
    named = all(isinstance(claims[one], str) for one in ("sub", "tenant"))
    dated = all(type(claims[one]) is int for one in ("exp", "iat"))
    return (
        header["alg"] == "HS256"
        and header.get("typ", "JWT") == "JWT"
        and not {"crit", "b64", "aud"} & {*header, *claims}
        and isinstance(header.get("kid", ""), str)
        and named
        and dated
        and len(claims["sub"]) < 100  # noqa: PLR2004 - any name is shorter
        and claims["sub"].isascii()
        and claims["sub"].isprintable()
        and claims["sub"] != ""
        and _NAME.fullmatch(claims["tenant"]) is not None
    )


def _frame(text: str) -> Entry:
    found = json.loads(text, object_pairs_hook=_once, parse_constant=_nothing, parse_int=_integer)
    if not isinstance(found, dict) or not set(found) <= _FIELDS or "type" not in found:
        raise ValueError("no frame")
    if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,64}", str(found.get("id", "x"))):
        raise ValueError("no id")
    if not isinstance(found.get("metadata", {}), dict):
        raise ValueError("no metadata")  # noqa: TRY004 - one kind for all
    if not str(found.get("deliver_at", "Z")).endswith("Z"):
        raise ValueError("no time")
    json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    if _depth(found) > 128:  # noqa: PLR2004 - as a bus
        raise ValueError("deep")
    return found


def _place(fields: Entry) -> str:
    names = [fields.get(one) for one in ("room", "channel")]
    if not all(isinstance(one, str) and _NAME.fullmatch(one) for one in names):
        raise Refused("VALIDATION_ERROR")
    return ":".join(map(str, names))


def _depth(value: object) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return 0
    return 1 + max(map(_depth, value), default=0)


def _once(pairs: list[tuple[str, object]]) -> Entry:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("twice")
    return made


def _nothing(_text: str) -> object:
    raise ValueError("no number")


def _integer(text: str) -> int:
    number = int(text)
    if not -(2**63) <= number < 2**64:
        raise ValueError("beyond 64 bits")
    return number


async def _serve(toy: Toy, port: int, http_port: int) -> None:
    for routes, at in (
        ([web.get("/", toy.talk)], port),
        (
            [web.get(f"/{name}", toy.page) for name in ("ready", "health", "metrics", "version")],
            http_port,
        ),
    ):
        app = web.Application()
        app.add_routes(routes)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", at).start()
    await asyncio.Event().wait()


def main(fault: str, arguments: list[str]) -> int:
    """Serve until killed."""
    logging.disable()  # what its libraries say of hostile bytes is not its own
    flags = dict(zip(arguments[1::2], arguments[2::2], strict=True))
    asyncio.run(_serve(Toy(fault), int(flags["--port"]), int(flags["--http-port"])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
