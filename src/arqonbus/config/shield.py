"""Settings of who may come in, what they may do, and what is kept of that."""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from arqonbus.config.base import DAY, GIB, KIB, Files, Names, OffOr, Section, from_commas

# The settings that bring a key: any of them means that tokens are wanted.
KEY_FIELDS: Final = ("secret", "secret_file", "public_key_file", "jwks_url")
Algorithm = Literal[
    "HS256",
    "HS384",
    "HS512",
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
]


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
    algorithm: Annotated[tuple[Algorithm, ...], BeforeValidator(from_commas)] = Field(
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
