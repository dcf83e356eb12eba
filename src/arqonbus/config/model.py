"""Every setting of the bus: frozen, validated, and described once, here.

The descriptions are what ``--help``, ``check-config`` and docs/running.md show, so a setting
cannot exist without one. Durations are in seconds, sizes in bytes.
"""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from arqonbus.model.durability import Durability
from arqonbus.protocol.values import MAX_DEPTH

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB
DAY: Final = 86_400.0

# The names of `rates`: whose a rate is, and of what.
RATE_SCOPES: Final = ("connection", "principal", "tenant")
RATE_KINDS: Final = ("messages", "bytes", "direct", "commands")

# The settings that bring a key: any of them means that tokens are wanted.
KEY_FIELDS: Final = ("secret", "secret_file", "public_key_file", "jwks_url")


def _none_from_word(value: object) -> object:
    """TOML and the environment have no null; the words ``none`` and ``off`` stand for it."""
    if isinstance(value, str) and value.strip().lower() in {"none", "off"}:
        return None
    return value


def _from_commas(value: object) -> object:
    """The environment has no arrays; an empty name in the list is a mistake, not nothing."""
    if isinstance(value, str):
        value = tuple(part.strip() for part in value.split(","))
    elif isinstance(value, Path):
        value = (value,)
    if isinstance(value, (tuple, list)) and any(part in ("", Path()) for part in value):
        raise ValueError("holds an empty name")
    return value


Most = Annotated[
    Annotated[int, Field(ge=1, le=1_000_000_000)] | None, BeforeValidator(_none_from_word)
]
Port = Annotated[int, Field(ge=0, le=65_535)]
OffOr = BeforeValidator(_none_from_word)
Names = Annotated[tuple[str, ...], BeforeValidator(_from_commas)]
Files = Annotated[tuple[Path, ...], BeforeValidator(_from_commas)]
Algorithm = Literal[
    "HS256", "HS384", "HS512",
    "RS256", "RS384", "RS512",
    "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512",
    "EdDSA",
]  # fmt: skip


class Section(BaseModel):
    """What all groups of settings have in common."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,  # a rejected value may be a secret
        allow_inf_nan=False,  # an infinite or not-a-number duration compares as no limit at all
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_as_number(cls, value: object, info: ValidationInfo) -> object:
        """``port = true`` would otherwise be port 1."""
        wanted = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and wanted is not bool:
            raise ValueError("a boolean is not a value of this setting")
        return value


class AuthSettings(Section):
    """Who may connect."""

    mode: Literal["none", "token"] = Field(
        default="none",
        description="none: every peer is anonymous. token: a signed JWT is required. "
        "Giving a secret or a key file means token.",
    )
    secret: SecretStr | None = Field(
        default=None,
        description="HS secret, at least 32 bytes and no fewer than its hash has. "
        "Prefer secret_file.",
    )
    secret_file: Files = Field(
        default=(),
        description="File with the HS secret, or several files, comma-separated; trailing line "
        "ends are not part of it.",
    )
    public_key_file: Files = Field(
        default=(),
        description="PEM file with a public key that tokens are verified with, or several files.",
    )
    jwks_url: str | None = Field(
        default=None,
        max_length=2048,
        description="https URL of a JWK Set whose keys tokens are verified with.",
    )
    jwks_ca_file: Path | None = Field(
        default=None,
        description="PEM file with the authorities to trust for jwks_url instead of the system's.",
    )
    jwks_refresh: float = Field(
        default=300.0, ge=1, le=DAY, description="Time after which the JWK Set is fetched again."
    )
    jwks_min_interval: float = Field(
        default=10.0,
        ge=0.1,
        le=3600,
        description="Least time between two fetches, also when tokens name unknown keys.",
    )
    jwks_max_age: float = Field(
        default=3600.0,
        ge=1,
        le=7 * DAY,
        description="How long the last good JWK Set is used while no new one can be had.",
    )
    algorithm: Annotated[tuple[Algorithm, ...], BeforeValidator(_from_commas)] = Field(
        default=(),
        description="The only accepted signature algorithms, one for each kind of key. HS256 for "
        "a secret; must be given with public keys.",
    )
    tenant_claim: str = Field(
        default="tenant",
        min_length=1,
        max_length=128,
        description="The claim that names the tenant of a token.",
    )
    max_lifetime: Annotated[float | None, OffOr] = Field(
        default=None,
        gt=0,
        le=3660 * DAY,
        description="Longest time from `iat` to `exp` of a token, or none.",
    )
    issuer: str | None = Field(default=None, min_length=1, description="Required `iss` of a token.")
    audience: str | None = Field(
        default=None, min_length=1, description="Required `aud` of a token."
    )
    leeway: float = Field(
        default=30.0,
        ge=0,
        le=120,
        description="Clock difference tolerated in `exp`, `nbf` and `iat`.",
    )
    expiry_notice: float = Field(
        default=60.0,
        ge=0,
        le=86_400,
        description="How long before its token ends a client is told.",
    )

    @model_validator(mode="before")
    @classmethod
    def _a_key_means_token(cls, data: object) -> object:
        """Derive what follows from a key: a secret beside mode none must have been asked for."""
        if not isinstance(data, dict):
            return data
        derived = dict(data)
        if any(data.get(name) is not None for name in KEY_FIELDS):
            derived.setdefault("mode", "token")
        if data.get("secret") is not None or data.get("secret_file") is not None:
            derived.setdefault("algorithm", "HS256")
        return derived

    @field_validator("jwks_url")
    @classmethod
    def _no_credentials_in_the_open(cls, url: str | None) -> str | None:
        """A URL is printed and logged."""
        if url is not None and "@" in url:
            raise ValueError("a URL with a user or a password would be printed and logged")
        return url


class AccessSettings(Section):
    """Who may do what."""

    policy_file: Path | None = Field(
        default=None,
        description="TOML file with the access policy (docs/access.md). Without one nothing is "
        "allowed where auth.mode is token, and everything but to administer where it is none.",
    )
    operator_tenant: str = Field(
        default="operators",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$",
        description="Tenant whose administrators administer the server; those of any other tenant "
        "administer that tenant.",
    )


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


class AuditSettings(Section):
    """The audit log: how fast it may grow, and how long it is."""

    window: float = Field(
        default=1.0,
        ge=1,
        le=60,
        description="Time within which refusals of the same kind, of the same subject and about "
        "the same thing become one record with their number.",
    )
    max_per_second: int = Field(
        default=20,
        ge=4,
        le=10_000,
        description="Records of refusals a second at most; more are summed up by tenant and kind.",
    )
    max_bytes: int = Field(
        default=GIB,
        ge=64 * KIB,
        le=1024 * GIB,
        description="Bytes of the audit log beyond which its oldest records are removed.",
    )
    max_age: Annotated[float | None, OffOr] = Field(
        default=None,
        gt=0,
        le=36_500 * DAY,
        description="Age up to which records are kept, or none: any age.",
    )


class CasilSettings(Section):
    """Payload rules: what messages may hold."""

    policy_file: Path | None = Field(
        default=None,
        description="TOML file with the payload rules (docs/payload-rules.md), or none: nothing is "
        "inspected.",
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


class EdgeSettings(Section):
    """From where peers may come, and through what."""

    origins: Names = Field(
        default=(),
        description="Origins (scheme://host[:port]) whose pages may connect from a browser; `*` "
        "for all, but not in prod. Profile dev adds those of this machine.",
    )
    query_token: bool = Field(
        default=False,
        description="Whether a token may come in the URL (`access_token`), where proxies and "
        "browsers keep it in their logs.",
    )
    trusted_proxies: Names = Field(
        default=(),
        description="Networks (CIDR) of the proxies whose edge.proxy_header is believed.",
    )
    proxy_header: Literal["none", "forwarded", "x-forwarded-for", "proxy-protocol"] = Field(
        default="none",
        description="How trusted proxies tell the client's address: a header, or the PROXY "
        "protocol (WebSocket port only, demanded there).",
    )
    tls_terminated: bool = Field(
        default=False,
        description="Whether a proxy does TLS, so that profile prod may bind openly without.",
    )


class TlsSettings(Section):
    """TLS of both ports, done by the bus itself."""

    cert_file: Path | None = Field(
        default=None, description="PEM file with the certificate and those between it and its root."
    )
    key_file: Path | None = Field(
        default=None, description="PEM file with the certificate's private key."
    )
    key_password_file: Path | None = Field(
        default=None,
        description="File with the key's password; trailing line ends are not part of it.",
    )
    client_ca_file: Path | None = Field(
        default=None,
        description="PEM file with the authorities of client certificates, then required.",
    )


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
