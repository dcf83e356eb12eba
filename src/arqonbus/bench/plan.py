"""What a worker is told and what it answers, as JSON."""

from __future__ import annotations

from typing import Literal

import msgspec

Scenario = Literal["fanout", "ingest", "latency", "connections", "durable", "flood"]
ServerKind = Literal["arqonbus", "nats", "valkey", "arqonbus-redis"]
CodecName = Literal["json", "msgpack"]


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run. `window` is how many messages may be under way, `checked` how many subscribers are
    checked message by message, `store_pid` a process whose CPU time counts as the server's.
    `flooders` are connections of another tenant; `token` and `flood_token` say who is who.
    """

    scenario: Scenario
    server: ServerKind
    port: int
    pid: int
    store_pid: int = 0
    codec: CodecName = "json"
    qos: Literal[0, 1] = 0
    subscribers: int = 1
    publishers: int = 1
    payload: int = 128
    seconds: float = 5.0
    window: int = 512
    checked: int = 10
    rate: int = 1000
    token: str = ""
    flooders: int = 0
    flood_channels: int = 1
    flood_token: str = ""


class Outcome(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What one run measured: counts, the window's length, and what the server used in it."""

    messages: int = 0
    deliveries: int = 0
    receipts: int = 0
    seconds: float = 0.0
    server_cpu_seconds: float = 0.0
    client_cpu_seconds: float = 0.0
    latency_ms: dict[str, float] = {}
    connections: int = 0
    kib_per_connection: float = 0.0
    checked: int = 0

    @property
    def per_message_us(self) -> float:
        """Server CPU a message."""
        return self.server_cpu_seconds * 1e6 / self.messages if self.messages else 0.0

    @property
    def per_delivery_us(self) -> float:
        """Server CPU a delivery."""
        return self.server_cpu_seconds * 1e6 / self.deliveries if self.deliveries else 0.0

    @property
    def messages_per_second(self) -> float:
        """Messages that went all the way."""
        return self.messages / self.seconds if self.seconds else 0.0

    @property
    def deliveries_per_second(self) -> float:
        """Messages that reached a subscriber."""
        return self.deliveries / self.seconds if self.seconds else 0.0
