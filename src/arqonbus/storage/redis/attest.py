"""What a server's own settings and state are worth: the level that a commit on it reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from arqonbus.errors import StorageError
from arqonbus.model.durability import Durability

INFO: Final = ("INFO", "server", "memory", "persistence", "replication")
# Each with the value that lets a reply mean "fsynced".
_FSYNCED: Final = {
    "appendonly": "yes",
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
}
CONFIG: Final = ("CONFIG", "GET", *_FSYNCED)
_LAG: Final = 1  # seconds; a sound replica confirms every second


@dataclass(frozen=True, slots=True)
class Attestation:
    """The level that commits reach, and why not a higher one ("" for the highest)."""

    level: Durability
    reason: str


def parse_info(text: bytes) -> dict[str, str]:
    """The lines of INFO."""
    lines = (line.partition(":") for line in text.decode("utf-8", "replace").splitlines())
    return {name: value for name, colon, value in lines if colon}


def parse_config(reply: list[bytes]) -> dict[str, str]:
    """The flat list of CONFIG GET."""
    words = [word.decode() for word in reply]
    return dict(zip(words[::2], words[1::2], strict=True))


def judge(
    info: Mapping[str, str] | StorageError,
    config: Mapping[str, str] | StorageError,
    replicas: int,
    *,
    proven: bool,
) -> Attestation:
    """The level of a server; an error stands for what could not be read.

    `replicas` is how many must confirm each commit, 0 when none is asked. `proven` says that the
    append-only file was already relied upon.
    """
    if isinstance(info, StorageError):
        reason = f"INFO can't be read, so nothing is known of the server ({info.message})"
        return Attestation(Durability.MEMORY, reason)
    evicts = _evicts(info)
    if evicts:
        return Attestation(Durability.MEMORY, evicts)
    loose = _not_fsynced(info, config, proven=proven)
    if loose:
        return Attestation(Durability.REMOTE, loose)
    lacking = _lacking(info, replicas)
    if lacking:
        return Attestation(Durability.DISK, lacking)
    return Attestation(Durability.REPLICATED, "")


def _evicts(info: Mapping[str, str]) -> str:
    """Streams have no expiry, so that only the policies over all keys can take them."""
    policy = info.get("maxmemory_policy", "unknown")
    if info.get("maxmemory") == "0" or not policy.startswith(("allkeys", "unknown")):
        return ""
    return (
        f"maxmemory-policy is {policy}, so the server removes messages when memory is short: "
        "set it to noeviction"
    )


def _not_fsynced(
    info: Mapping[str, str], config: Mapping[str, str] | StorageError, *, proven: bool
) -> str:
    if isinstance(config, StorageError):
        return (
            f"CONFIG GET can't be read, so disk can't be attested ({config.message}): "
            "allow +config|get to this user, or demand storage.durability remote"
        )
    for name, wanted in _FSYNCED.items():
        value = config.get(name, "unknown")
        if value != wanted:
            return f"{name} is {value}: set it to {wanted}"
    if info.get("aof_enabled") != "1":
        return "the append-only file is off although it is configured"
    if info.get("aof_last_write_status") != "ok":
        return "the last write to the append-only file failed"
    making = "1" in (info.get("aof_rewrite_in_progress"), info.get("aof_rewrite_scheduled"))
    if making and not proven and info.get("aof_base_size", "0") == "0":
        return "the append-only file is only being made"
    return ""


def _lacking(info: Mapping[str, str], replicas: int) -> str:
    if replicas == 0:
        return "no replicas are asked to confirm (storage.durability is not replicated)"
    sound = sum(_is_sound(value) for name, value in info.items() if _is_replica(name))
    if sound >= replicas:
        return ""
    return f"{sound} replicas are connected and up to date, redis.replicas wants {replicas}"


def _is_replica(name: str) -> bool:
    return name.startswith("slave") and name[5:].isdecimal()


def _is_sound(line: str) -> bool:
    state = dict(part.partition("=")[::2] for part in line.split(","))
    lag = state.get("lag", "")
    return state.get("state") == "online" and lag.isdecimal() and int(lag) <= _LAG
