"""Every setting of the bus: frozen, validated, and described once, here.

The descriptions are what ``--help``, ``check-config`` and docs/running.md show, so a setting
cannot exist without one. Durations are in seconds, sizes in bytes.
"""

from pathlib import Path
from typing import Literal

from pydantic import (
    Field,
)

from arqonbus.config.base import Port, Section
from arqonbus.config.limits import (
    DelayedSettings,
    GroupSettings,
    HeartbeatSettings,
    LimitSettings,
    OutboxSettings,
    RateSettings,
)
from arqonbus.config.shield import (
    AccessSettings,
    AuditSettings,
    AuthSettings,
    CasilSettings,
    EdgeSettings,
    TlsSettings,
)
from arqonbus.config.storage import RedisSettings, RetentionSettings, StorageSettings


class LogSettings(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severity that is logged."
    )
    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="json, console, or auto: console on a terminal, else json."
    )


class Settings(Section):
    """All settings of one bus."""

    profile: Literal["dev", "staging", "prod"] = Field(
        default="dev",
        description="prod demands authentication, TLS, durable storage and explicit binds.",
    )
    host: str = Field(
        default="127.0.0.1", min_length=1, description="Address that the WebSocket server binds."
    )
    port: Port = Field(
        default=9100, description="Port of the WebSocket server; 0 takes a free one."
    )
    http_host: str = Field(
        default="127.0.0.1", min_length=1, description="Address that the HTTP pages bind."
    )
    http_port: Port = Field(default=8080, description="Port of the HTTP pages; 0 takes a free one.")
    data_dir: Path = Field(
        default=Path("./data"), description="Folder for all that is stored; made when missing."
    )
    drain_timeout: float = Field(
        default=10.0, ge=0.1, le=600, description="Time a stopping bus has to finish what it took."
    )
    auth: AuthSettings = Field(default_factory=AuthSettings)
    access: AccessSettings = Field(default_factory=AccessSettings)
    storage: StorageSettings = Field(default_factory=StorageSettings)
    redis: RedisSettings = Field(default_factory=RedisSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    limits: LimitSettings = Field(default_factory=LimitSettings)
    rates: RateSettings = Field(default_factory=RateSettings)
    groups: GroupSettings = Field(default_factory=GroupSettings)
    delayed: DelayedSettings = Field(default_factory=DelayedSettings)
    audit: AuditSettings = Field(default_factory=AuditSettings)
    casil: CasilSettings = Field(default_factory=CasilSettings)
    outbox: OutboxSettings = Field(default_factory=OutboxSettings)
    heartbeat: HeartbeatSettings = Field(default_factory=HeartbeatSettings)
    edge: EdgeSettings = Field(default_factory=EdgeSettings)
    tls: TlsSettings = Field(default_factory=TlsSettings)
    log: LogSettings = Field(default_factory=LogSettings)
