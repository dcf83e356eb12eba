"""The kinds of bus that are attacked: the settings of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Environment = dict[str, str]

# The one site whose pages may connect.
ORIGIN = "https://app.example.com"
# What every kind has: bounds so short that waiting for them takes no time, and as much room for
# attempts as a whole run makes from one address.
_COMMON: Mapping[str, str] = {
    # dev trusts this machine, which all attacks come from.
    "ARQONBUS_PROFILE": "staging",
    "ARQONBUS_LOG_FORMAT": "json",
    "ARQONBUS_STORAGE_BACKEND": "memory",
    "ARQONBUS_HEARTBEAT_HANDSHAKE_TIMEOUT": "1",
    "ARQONBUS_LIMITS_VIOLATIONS_BEFORE_CLOSE": "10000",
    "ARQONBUS_LIMITS_HANDSHAKES_PER_ADDRESS": "1000000",
    "ARQONBUS_LIMITS_HANDSHAKE_BURST": "1000000",
    "ARQONBUS_LIMITS_FAILED_HANDSHAKES_PER_ADDRESS": "1000000",
    "ARQONBUS_LIMITS_FAILED_HANDSHAKE_BURST": "1000000",
    "ARQONBUS_EDGE_ORIGINS": ORIGIN,
}
EMPTY_POLICY = "schema = 1\n"
# Whoever has no role may do nothing here; who has one administers nothing.
MEMBERS_POLICY = """
schema = 1

[roles.member]
subjects = ["*"]
tenants = ["probes", "acme", "rival"]

[[rule]]
id = "members-use-their-tenant"
effect = "allow"
roles = ["member"]
actions = ["publish", "subscribe", "history", "presence", "create", "delete", "group", "direct"]
"""
# No secrets anywhere, and in one room nothing that is not an order.
CONTENT_POLICY = """
schema = 1
mode = "enforce"
max_bytes = 65536
max_values = 1000

[[rule]]
id = "no-secrets"
detect = ["secrets"]
deny = ["codename orchid"]

[[json_schema]]
id = "order"
rooms = ["orders"]

[json_schema.schema]
type = "object"
required = ["order"]
additionalProperties = false

[json_schema.schema.properties.order]
type = "integer"
minimum = 1
"""


def _open(folder: Path, secret: str, _url: str) -> Environment:
    return _with_policy(folder, secret, MEMBERS_POLICY)


def _empty(folder: Path, secret: str, _url: str) -> Environment:
    return _with_policy(folder, secret, EMPTY_POLICY)


def _closed(_folder: Path, secret: str, _url: str) -> Environment:
    return {**_COMMON, "ARQONBUS_AUTH_SECRET": secret}


def _inspected(folder: Path, secret: str, url: str) -> Environment:
    file = folder / "content.toml"
    file.write_text(CONTENT_POLICY, "utf-8")
    return _open(folder, secret, url) | {"ARQONBUS_CASIL_POLICY_FILE": str(file)}


def _limited(folder: Path, secret: str, url: str) -> Environment:
    return _open(folder, secret, url) | {
        "ARQONBUS_RATES_BURST": "1",
        "ARQONBUS_RATES_CONNECTION_MESSAGES": "200",
        "ARQONBUS_RATES_REFUSALS_BEFORE_CLOSE": "10",
    }


def _guarded(folder: Path, secret: str, url: str) -> Environment:
    return _closed(folder, secret, url) | {
        "ARQONBUS_LIMITS_FAILED_HANDSHAKES_PER_ADDRESS": "0.1",
        "ARQONBUS_LIMITS_FAILED_HANDSHAKE_BURST": "10",
    }


def _keys(_folder: Path, _secret: str, url: str) -> Environment:
    return {
        **_COMMON,
        "ARQONBUS_AUTH_JWKS_URL": url,
        "ARQONBUS_AUTH_ALGORITHM": "RS256",
        "ARQONBUS_AUTH_JWKS_REFRESH": "1",
        "ARQONBUS_AUTH_JWKS_MIN_INTERVAL": "0.1",
    }


def _ageing(folder: Path, secret: str, url: str) -> Environment:
    return _keys(folder, secret, url) | {"ARQONBUS_AUTH_JWKS_MAX_AGE": "2"}


def _with_policy(folder: Path, secret: str, text: str) -> Environment:
    file = folder / "access.toml"
    file.write_text(text, "utf-8")
    return {
        **_COMMON,
        "ARQONBUS_AUTH_SECRET": secret,
        "ARQONBUS_ACCESS_POLICY_FILE": str(file),
    }


# By name: settings made from a folder, a secret and the URL of the issuer's keys.
KINDS: Mapping[str, Callable[[Path, str, str], Environment]] = {
    "open": _open,
    "empty": _empty,
    "closed": _closed,
    "inspected": _inspected,
    "limited": _limited,
    "guarded": _guarded,
    "keys": _keys,
    "ageing": _ageing,
}
# Those that take the keys of an issuer.
BY_ISSUER = frozenset({"keys", "ageing"})
