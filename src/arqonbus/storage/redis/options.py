"""What can be chosen about a store on a Redis server."""

from __future__ import annotations

from dataclasses import dataclass

from arqonbus.model.durability import Durability


@dataclass(frozen=True, slots=True)
class RedisOptions:
    """How the store uses its server. `replicas` is how many must take a commit, where `demanded` is
    REPLICATED; times are in seconds.
    """

    prefix: str = "arqonbus"
    demanded: Durability = Durability.DISK
    strict: bool = True
    replicas: int = 1
    timeout: float = 2.0
    pool_size: int = 8
    attest_interval: float = 10.0
