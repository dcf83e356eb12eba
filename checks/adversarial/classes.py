"""All classes of attack, and the kind of bus that each is let at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.adversarial.attacks.access import nobody, stranger
from checks.adversarial.attacks.content import content
from checks.adversarial.attacks.edge import edge, guessing
from checks.adversarial.attacks.floods import floods
from checks.adversarial.attacks.frames import frames
from checks.adversarial.attacks.fuzz import fuzz
from checks.adversarial.attacks.handshakes import handshakes
from checks.adversarial.attacks.keys import away, keys
from checks.adversarial.attacks.outward import outward
from checks.adversarial.attacks.secrets import secrets
from checks.adversarial.attacks.tenants import tenants
from checks.adversarial.attacks.tokens import tokens
from checks.adversarial.attacks.values import json_values, msgpack_values

if TYPE_CHECKING:
    from checks.adversarial.arena import Attack

ATTACKS: tuple[tuple[str, str, Attack], ...] = (
    ("tokens", "open", tokens),
    ("keys", "keys", keys),
    ("keys", "ageing", away),
    ("handshakes", "open", handshakes),
    ("frames", "open", frames),
    ("json", "open", json_values),
    ("msgpack", "open", msgpack_values),
    ("fuzz", "open", fuzz),
    ("tenants", "open", tenants),
    ("access", "open", stranger),
    ("access", "empty", nobody),
    ("access", "closed", nobody),
    ("edge", "open", edge),
    ("edge", "guarded", guessing),
    ("content", "inspected", content),
    ("floods", "limited", floods),
    ("outward", "open", outward),
)
# Played when all else is over: what was written meanwhile is read then.
LAST: tuple[tuple[str, str, Attack], ...] = tuple(
    ("secrets", kind, secrets) for kind in ("open", "empty", "closed", "keys", "inspected")
)
CLASSES = frozenset(name for name, _, _ in (*ATTACKS, *LAST))
