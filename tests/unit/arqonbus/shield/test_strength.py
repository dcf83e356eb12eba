"""Which secrets are refused."""

import base64
import random

import pytest

from arqonbus.shield.strength import weakness


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "short",
        "kP4vX9sQ2mT7wZ1rB6nY3cL8dF5gH0j",  # 31 bytes
        "arqon-dev-secret",
        "arqon-dev-secret" * 3,
        "Arqon-Dev-Secret-0000000000000000000000",
        "changeme" * 8,
        "CHANGEME".ljust(40, "!"),
        "secret" * 6,
        "secret".rjust(64, "x"),
        "your-256-bit-secret-your-256-bit-secret",
        "a-string-secret-at-least-256-bits-long",
        "please-change-this-secret-in-production",
        "this-is-a-super-secret-jwt-token-key-for-dev",
        "a" * 64,
        "ab" * 32,
        "0123456789abcdef" * 2,
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "zyxwvutsrqponmlkjihgfedcba9876543210",
        "x7Kq!p2Z" * 5,
        " " * 40,
        "qwertyuiopasdfghjklzxcvbnm1234567890",
    ],
)
def test_weak(secret: str) -> None:
    said = weakness(secret.encode())
    assert said is not None
    assert not secret or secret not in said


@pytest.mark.parametrize("seed", range(200))
def test_random_secrets_are_strong(seed: int) -> None:
    raw = random.Random(seed).randbytes(32)
    assert weakness(raw) is None
    assert weakness(base64.b64encode(raw)) is None
    assert weakness(raw.hex().encode()) is None
