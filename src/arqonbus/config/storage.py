"""Settings of where messages are kept, and how long."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    Field,
    SecretStr,
    field_validator,
)

from arqonbus.config.base import DAY, GIB, KIB, MIB, OffOr, Section
from arqonbus.model.durability import Durability


class StorageSettings(Section):
    """Where messages are kept."""

    backend: Literal["sqlite", "memory", "redis"] = Field(
        default="sqlite",
        description="sqlite: on disk, fsynced before the receipt. memory: gone with the process. "
        "redis: on a Redis or Valkey server (section redis).",
    )
    mode: Literal["strict", "degraded"] = Field(
        default="strict",
        description="When storage.durability is not reached: strict refuses to start and to store. "
        "degraded goes on with less, from memory if need be, and says so everywhere.",
    )
    durability: Literal["memory", "remote", "disk", "replicated"] | None = Field(
        default=None,
        description="Level that every message must reach before its receipt, or none: memory for "
        "backend memory, disk for the others.",
    )
    file: str = Field(
        default="arqonbus.db",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$",
        max_length=200,
        description="Name of the database file inside data_dir.",
    )
    max_pending_bytes: int = Field(
        default=64 * MIB,
        ge=MIB,
        le=16 * GIB,
        description="Bytes waiting for their commit before publishes are refused.",
    )
    degraded_buffer_bytes: int = Field(
        default=64 * MIB,
        ge=MIB,
        le=16 * GIB,
        description="Bytes kept in memory for writing back while the store is away, in mode "
        "degraded; beyond that publishes are refused.",
    )

    @property
    def demanded(self) -> Durability:
        """The level that is asked for."""
        natural = "memory" if self.backend == "memory" else "disk"
        return Durability.from_wire(self.durability or natural)


class RedisSettings(Section):
    """The Redis or Valkey server, for storage.backend redis."""

    url: str | None = Field(
        default=None,
        description="Where it is: redis://host:port/db, unix:///path/to/socket, "
        "redis+sentinel://host:port,host:port/service/db or redis+cluster://host:port; "
        "rediss instead of redis for TLS.",
    )
    username: str | None = Field(
        default=None, min_length=1, description="ACL user, if not default."
    )
    password: SecretStr | None = Field(
        default=None, description="The user's password. Prefer password_file."
    )
    password_file: Path | None = Field(
        default=None,
        description="File with the password; trailing line ends are not part of it.",
    )
    tls_ca_file: Path | None = Field(
        default=None,
        description="PEM file with the authorities to trust instead of the system's.",
    )
    tls_cert_file: Path | None = Field(
        default=None, description="PEM file with the certificate that the bus presents."
    )
    tls_key_file: Path | None = Field(default=None, description="PEM file with that one's key.")
    prefix: str = Field(
        default="arqonbus",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:-]*$",
        max_length=64,
        description="What all keys begin with, in braces. One bus at a time has a prefix.",
    )
    timeout: float = Field(
        default=2.0, ge=0.1, le=60, description="Time that one exchange with the server may take."
    )
    pool_size: int = Field(
        default=8, ge=1, le=1000, description="Connections for reading at most; one more writes."
    )
    replicas: int = Field(
        default=1,
        ge=1,
        le=100,
        description="Replicas that must take a commit, with storage.durability replicated.",
    )
    attest_interval: float = Field(
        default=10.0,
        ge=1,
        le=3600,
        description="Time after which the server's own settings and all streams are read again.",
    )

    @field_validator("url")
    @classmethod
    def _no_secret_in_the_open(cls, url: str | None) -> str | None:
        """A URL is printed and logged."""
        if url is not None and ("@" in url or "password=" in url):
            raise ValueError("user and password belong into redis.username and redis.password_file")
        return url


class RetentionSettings(Section):
    """How much history a channel keeps."""

    max_messages: int = Field(
        default=100_000, ge=1, le=1_000_000_000, description="Messages kept per channel."
    )
    max_bytes: int = Field(
        default=256 * MIB, ge=KIB, le=1024 * GIB, description="Bytes of messages kept per channel."
    )
    max_age: Annotated[float | None, OffOr] = Field(
        default=7 * DAY,
        gt=0,
        le=36_500 * DAY,
        description="Age up to which messages are kept, or none.",
    )
