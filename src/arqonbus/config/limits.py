"""Settings of what one peer, a tenant and all of them may take."""

from typing import Annotated, Final, Literal

from pydantic import (
    Field,
)

from arqonbus.config.base import DAY, GIB, KIB, MIB, Most, OffOr, Section
from arqonbus.protocol.values import MAX_DEPTH

# The names of `rates`: whose a rate is, and of what.
RATE_SCOPES: Final = ("connection", "principal", "tenant")
RATE_KINDS: Final = ("messages", "bytes", "direct", "commands")


class LimitSettings(Section):
    """What one peer, and all of them, may take."""

    max_frame_bytes: int = Field(
        default=MIB, ge=KIB, le=64 * MIB, description="Largest message a client may send."
    )
    max_connections: int = Field(
        default=10_000, ge=1, le=1_000_000, description="Connections at a time; more get HTTP 503."
    )
    max_channels: int = Field(
        default=10_000, ge=1, le=10_000_000, description="Channels that may exist at a time."
    )
    channels_per_connection: int = Field(
        default=1_000, ge=1, le=1_000_000, description="Channels one connection may have joined."
    )
    channels_per_tenant: Most = Field(
        default=None, description="Channels of one tenant that may exist at a time, or none."
    )
    joined_per_principal: Most = Field(
        default=None,
        description="Channels that all connections of one subject may have joined, or none.",
    )
    joined_per_tenant: Most = Field(
        default=None,
        description="Channels that all connections of one tenant may have joined, or none.",
    )
    max_depth: int = Field(
        default=MAX_DEPTH,
        ge=1,
        le=MAX_DEPTH,
        description="How deep arrays and objects may be nested in a payload.",
    )
    auto_create_channels: bool = Field(
        default=True, description="Whether publishing to or joining an unknown channel creates it."
    )
    batch_messages: int = Field(
        default=1024,
        ge=1,
        le=65_536,
        description="Messages committed and fanned out together at most.",
    )
    batch_bytes: int = Field(
        default=MIB,
        ge=KIB,
        le=64 * MIB,
        description="Bytes committed and fanned out together at most.",
    )
    dedup_window: int = Field(
        default=1024,
        ge=0,
        le=1_000_000,
        description="Publish ids remembered per channel, so that a repeat is delivered once.",
    )
    history_page: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="Messages that one history answer holds at most.",
    )
    violations_before_close: int = Field(
        default=10,
        ge=1,
        le=10_000,
        description="Protocol violations after which a peer is closed (1008).",
    )
    connections_per_address: int = Field(
        default=1_000,
        ge=1,
        le=1_000_000,
        description="Connections that one address (of IPv6: one /64) may have at a time; more get "
        "HTTP 429.",
    )
    connections_per_principal: int = Field(
        default=1_000,
        ge=1,
        le=1_000_000,
        description="Connections that one authenticated subject may have at a time.",
    )
    connections_per_tenant: int = Field(
        default=10_000,
        ge=1,
        le=1_000_000,
        description="Connections that all subjects of a tenant may have at a time.",
    )
    handshakes_per_address: float = Field(
        default=100.0, ge=0.001, le=1_000_000, description="Handshakes of one address per second."
    )
    handshake_burst: int = Field(
        default=1_000,
        ge=1,
        le=1_000_000,
        description="Handshakes of one address at once, before limits.handshakes_per_address.",
    )
    failed_handshakes_per_address: float = Field(
        default=1.0,
        ge=0.001,
        le=1_000_000,
        description="Refused handshakes of one address per second; more get HTTP 429 unheard.",
    )
    failed_handshake_burst: int = Field(
        default=50,
        ge=1,
        le=1_000_000,
        description="Refused handshakes at once, before limits.failed_handshakes_per_address.",
    )
    handshakes_pending: int = Field(
        default=4096,
        ge=4,
        le=1_000_000,
        description="Connections that have not finished their handshake; more are closed. "
        "One address may hold a quarter of them.",
    )


Rate = Annotated[float | None, OffOr, Field(gt=0, le=1e12)]
_PER_CONNECTION: Final = "of one connection, or none: no limit."
_PER_PRINCIPAL: Final = "of all connections of one subject together, or none: no limit."
_PER_TENANT: Final = "of all connections of one tenant together, or none: no limit."


class RateSettings(Section):
    """How much of a thing a second; what is beyond is refused with RATE_LIMITED."""

    burst: float = Field(
        default=2.0,
        ge=0.1,
        le=60,
        description="How much may come at once: what each rate allows in so many seconds.",
    )
    connection_messages: Rate = Field(
        default=None, description=f"Frames a second, whatever they hold, {_PER_CONNECTION}"
    )
    principal_messages: Rate = Field(
        default=None, description=f"Frames a second, whatever they hold, {_PER_PRINCIPAL}"
    )
    tenant_messages: Rate = Field(
        default=None, description=f"Frames a second, whatever they hold, {_PER_TENANT}"
    )
    connection_bytes: Rate = Field(
        default=None, description=f"Payload bytes of frames a second {_PER_CONNECTION}"
    )
    principal_bytes: Rate = Field(
        default=None, description=f"Payload bytes of frames a second {_PER_PRINCIPAL}"
    )
    tenant_bytes: Rate = Field(
        default=None, description=f"Payload bytes of frames a second {_PER_TENANT}"
    )
    connection_direct: Rate = Field(
        default=None, description=f"Messages and responses to clients a second {_PER_CONNECTION}"
    )
    principal_direct: Rate = Field(
        default=None, description=f"Messages and responses to clients a second {_PER_PRINCIPAL}"
    )
    tenant_direct: Rate = Field(
        default=None, description=f"Messages and responses to clients a second {_PER_TENANT}"
    )
    connection_commands: Rate = Field(
        default=None, description=f"Commands a second {_PER_CONNECTION}"
    )
    principal_commands: Rate = Field(
        default=None, description=f"Commands a second {_PER_PRINCIPAL}"
    )
    tenant_commands: Rate = Field(default=None, description=f"Commands a second {_PER_TENANT}")
    refusals_before_close: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="Frames of a connection that may be refused for a rate within ten seconds; "
        "one that goes on is closed (4003).",
    )

    def limits(self) -> dict[tuple[str, str], float]:
        """The rates that are set, by whose they are and of what."""
        names = [(scope, kind) for scope in RATE_SCOPES for kind in RATE_KINDS]
        found = {name: dict(self)["_".join(name)] for name in names}
        return {name: rate for name, rate in found.items() if rate is not None}


class GroupSettings(Section):
    """Consumer groups: what a group that is created is given, and what bounds all of them."""

    enabled: bool = Field(default=True, description="Whether there are consumer groups.")
    visibility_timeout: float = Field(
        default=30.0,
        ge=0.05,
        le=7 * DAY,
        description="Time a worker has for a task before others get it, unless its group says so.",
    )
    max_attempts: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="Deliveries of a task before it is a dead letter, unless its group says so.",
    )
    max_in_flight: int = Field(
        default=256,
        ge=1,
        le=65_536,
        description="Tasks a worker may hold at a time; also what it is given when it names none.",
    )
    credits_per_principal: Most = Field(
        default=None,
        description="Tasks that all workers of one subject may hold at a time, or none.",
    )
    credits_per_tenant: Most = Field(
        default=None,
        description="Tasks that all workers of one tenant may hold at a time, or none.",
    )
    max_pending: int = Field(
        default=10_000,
        ge=1,
        le=1_000_000,
        description="Tasks of a group that may be unsettled; new ones wait in the channel.",
    )
    max_per_channel: int = Field(default=64, ge=1, le=10_000, description="Groups of one channel.")


class DelayedSettings(Section):
    """Messages that are to be delivered later."""

    enabled: bool = Field(default=True, description="Whether `deliver_at` is served.")
    max_delay: float = Field(
        default=30 * DAY, gt=0, le=3660 * DAY, description="How far ahead a delivery may be."
    )
    max_messages: int = Field(
        default=100_000, ge=1, le=10_000_000, description="Messages that may wait for delivery."
    )
    max_bytes: int = Field(
        default=64 * MIB, ge=KIB, le=16 * GIB, description="Bytes of messages that may wait."
    )
    messages_per_tenant: Most = Field(
        default=None, description="Messages of one tenant that may wait, or none."
    )
    bytes_per_tenant: Most = Field(
        default=None, description="Bytes of messages of one tenant that may wait, or none."
    )


class OutboxSettings(Section):
    """What waits for a peer that reads slowly."""

    max_bytes: int = Field(
        default=8 * MIB, ge=64 * KIB, le=GIB, description="Bytes that may wait for one peer."
    )
    on_overflow: Literal["disconnect", "drop"] = Field(
        default="disconnect",
        description="disconnect: close with 4001, resumable. "
        "drop: leave messages out and tell the peer which (gap).",
    )


class HeartbeatSettings(Section):
    """How dead and silent peers are found."""

    interval: float = Field(
        default=20.0, ge=0.05, le=3600, description="Time between pings to a peer."
    )
    timeout: float = Field(
        default=20.0,
        ge=0.05,
        le=3600,
        description="Time a peer has to answer a ping before it is closed, at most the interval.",
    )
    idle_timeout: Annotated[float | None, OffOr] = Field(
        default=None,
        ge=0.05,
        le=7 * DAY,
        description="Close a peer that sent nothing but pongs for so long, or none. "
        "Off by default: a subscriber that only listens is healthy.",
    )
    handshake_timeout: float = Field(
        default=5.0,
        ge=0.05,
        le=60,
        description="Time a new connection has to finish its handshake.",
    )
