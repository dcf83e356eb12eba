"""Three stores for the toy: this process, a file, a Valkey server."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

_KEY, _OWNER = "{toy}:main", "{toy}:owner"
_DEMANDED = {
    "appendonly": ("yes",),
    "appendfsync": ("always",),
    "maxmemory-policy": ("noeviction", "volatile-lru"),
}
Entry: TypeAlias = dict[str, Any]  # Any: JSON
Reply: TypeAlias = Any  # shaped by its command


class Away(Exception):  # noqa: N818 - what happened to the store
    """Why the store does not give what is demanded."""


class Memory:
    """Nothing but this process."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def check(self) -> None:
        """Always there."""

    def add(self, entry: Entry) -> None:
        """Keep an entry."""
        self.entries.append(entry)

    def all(self) -> list[Entry]:
        """Every entry."""
        return self.entries


class File(Memory):
    """Lines in a file that one process has."""

    def __init__(self, folder: Path, *, shared: bool) -> None:
        super().__init__()
        folder.mkdir(exist_ok=True)
        self._file = (folder / "toy.jsonl").open("a+", encoding="utf-8")
        with contextlib.suppress(*((BlockingIOError,) if shared else ())):
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._file.seek(0)
        self.entries = [json.loads(line) for line in self._file if line.endswith("\n")]

    def add(self, entry: Entry) -> None:
        """Write and sync a line."""
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        super().add(entry)


class Server(Memory):
    """A stream in a Valkey server."""

    def __init__(self, url: str, *, careless: bool) -> None:
        super().__init__()
        self._port = int(url.rpartition(":")[2].partition("/")[0])
        self._careless = careless

    def own(self) -> None:
        """Take the stream; refused while another process that lives has it."""
        owner = self._ask("GET", _OWNER)
        if owner and Path(f"/proc/{owner}").exists() and owner != str(os.getpid()):
            raise Away("another toy has this stream")
        self._ask("SET", _OWNER, str(os.getpid()))

    def check(self) -> None:
        """Look whether it is there and gives what is demanded."""
        for name, fine in _DEMANDED.items():
            value = self._ask("CONFIG", "GET", name)[1]
            if value not in fine and not self._careless:
                raise Away(f"{name} is {value}")

    def add(self, entry: Entry) -> None:
        """Append an entry at its position."""
        self._ask("XADD", _KEY, f"{entry['seq']}-0", "entry", json.dumps(entry))

    def all(self) -> list[Entry]:
        """Every entry."""
        return [json.loads(fields[1]) for _, fields in self._ask("XRANGE", _KEY, "-", "+")]

    def _ask(self, *words: str) -> Reply:
        parts = [word.encode() for word in words]
        asked = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as line:
                line.sendall(b"*%d\r\n" % len(parts) + asked)
                return _reply(line.makefile("rb"))
        except (OSError, ValueError) as error:
            raise Away(f"memory is all there is: {error}") from error


def _reply(stream: BinaryIO) -> Reply:
    head = stream.readline().decode().strip()
    kind, rest = head[:1], head[1:]
    if kind == "*":
        return [_reply(stream) for _ in range(int(rest))]
    if kind == "$":
        return stream.read(int(rest) + 2)[:-2].decode() if rest != "-1" else None
    if kind in {"+", ":"}:
        return rest
    raise ValueError(head)
