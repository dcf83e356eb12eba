"""A bus that wants tokens and has an access policy, and those who come with a token."""

from __future__ import annotations

import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import jwt

from support.peer import Peer, peer
from support.server import Server, serving

SECRET = "kP4vX9sQ2mT7wZ1rB6nY3cL8dF5gH0jA"
# Everybody may do everything in their own tenant; `admin` administers it.
EVERYTHING = """
schema = 1
[[rule]]
id = "members"
effect = "allow"
subjects = ["*"]
actions = ["publish", "subscribe", "history", "create", "delete", "group", "direct"]
[[rule]]
id = "admins"
effect = "allow"
subjects = ["admin"]
actions = ["admin"]
"""


def token(subject: str, tenant: str = "acme", *, lasts: float = 600, **claims: object) -> str:
    now = time.time()
    known = {"sub": subject, "tenant": tenant, "iat": now, "exp": now + lasts}
    return jwt.encode(known | claims, SECRET, "HS256")


def bearer(held: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {held}"}


def member(server: Server, held: str, **options: Any) -> AbstractAsyncContextManager[Peer]:
    return peer(server.url, additional_headers=bearer(held), **options)


def shielded(
    folder: Path, policy: str = EVERYTHING, **settings: object
) -> AbstractAsyncContextManager[Server]:
    """The policy is `folder`/policy.toml."""
    (folder / "policy.toml").write_text(policy)
    shield = {"auth_secret": SECRET, "access_policy_file": folder / "policy.toml"}
    return serving(folder / "data", **shield, **settings)
