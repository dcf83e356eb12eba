"""Where the server is: the URL, taken apart. Imports no driver, so that a preflight can read it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

Kind = Literal["server", "socket", "sentinel", "cluster"]
_KINDS: Final[dict[str, Kind]] = {
    "redis": "server",
    "unix": "socket",
    "redis+sentinel": "sentinel",
    "redis+cluster": "cluster",
}
SCHEMES: Final = (
    "redis, rediss, unix, redis+sentinel, rediss+sentinel, redis+cluster, rediss+cluster"
)


@dataclass(frozen=True, slots=True)
class Target:
    """A server, a socket file, or those who know which server it is at present."""

    kind: Kind
    hosts: tuple[tuple[str, int], ...] = ()
    path: Path | None = None
    service: str = ""
    db: int = 0
    tls: bool = False


def parse(url: str) -> Target:
    """Take a URL apart.

    Raises:
        ValueError: a sentence that says what is wrong with it.
    """
    parts = urlsplit(url)
    tls = parts.scheme.startswith("rediss")
    kind = _KINDS.get(parts.scheme.replace("rediss", "redis", 1))
    if kind is None:
        raise ValueError(f"the scheme is none of {SCHEMES}")
    if "@" in parts.netloc:
        raise ValueError("user and password belong into redis.username and redis.password_file")
    if parts.fragment or (parts.query and kind != "socket"):
        raise ValueError("it has parts after the path that mean nothing here")
    if kind == "socket":
        return _socket(parts)
    hosts = _hosts(parts.netloc, 26379 if kind == "sentinel" else 6379)
    service, db = _path(kind, [unquote(part) for part in parts.path.split("/")[1:]])
    return Target(kind, hosts, service=service, db=db, tls=tls)


def _socket(parts: SplitResult) -> Target:
    options = dict(parse_qsl(parts.query))
    if parts.netloc or not parts.path or options.keys() - {"db"}:
        raise ValueError("a socket is written unix:///path/to/socket, with ?db=N if need be")
    return Target("socket", path=Path(unquote(parts.path)), db=_db(options.get("db", "")))


def _hosts(netloc: str, default: int) -> tuple[tuple[str, int], ...]:
    hosts = []
    for one in netloc.split(","):
        at = urlsplit(f"//{one}")
        if not at.hostname:
            raise ValueError("a host is missing")
        hosts.append((at.hostname, at.port or default))
    return tuple(hosts)


def _path(kind: Kind, parts: list[str]) -> tuple[str, int]:
    """The service that sentinels know, and the database."""
    service = ""
    if kind == "sentinel":
        service = parts.pop(0) if parts else ""
        if not service:
            raise ValueError("the service's name is missing: redis+sentinel://host:port/service")
    if len(parts) > 1:
        raise ValueError("it has parts after the path that mean nothing here")
    db = _db(parts[0] if parts else "")
    if kind == "cluster" and db:
        raise ValueError("a cluster has no databases")
    return service, db


def _db(text: str) -> int:
    if not text:
        return 0
    if not text.isdecimal():
        raise ValueError("the database is not a number")
    return int(text)
