"""Policies that can be written, and are hardly ever meant."""

import pytest
from unit.arqonbus.shield.access.asking import policy

from arqonbus.shield.access.sanity import warnings_of

ALLOW = '[[rule]]\nid="yes"\neffect="allow"\nsubjects=["alice"]\nactions=["publish", "direct"]\n'
DENY = '[[rule]]\nid="no"\neffect="deny"\nsubjects=["*"]\nactions=["*"]\n'
ADMIN = '[[rule]]\nid="adm"\neffect="allow"\nactions=["*"]\n'
ROLE = '[roles.a]\nsubjects=["alice"]\n'


@pytest.mark.parametrize("text", ["", DENY, ALLOW + DENY])
def test_nobody_can_do_anything(text: str) -> None:
    assert warnings_of(policy(text)) == (
        "nobody can ever do anything: no rule allows anything that no other one denies",
    )


@pytest.mark.parametrize(
    "text", [ALLOW, ALLOW + DENY + 'rooms=["a*"]', ALLOW + DENY + 'tenants=["t"]']
)
def test_somebody_can(text: str) -> None:
    assert warnings_of(policy(text)) == ()


@pytest.mark.parametrize("text", [ADMIN + 'subjects=["alice"]', ADMIN + 'roles=["a"]\n' + ROLE])
def test_administrators_of_every_tenant(text: str) -> None:
    assert "rule adm lets administer in every tenant" in warnings_of(policy(text))[0]


@pytest.mark.parametrize(
    "text",
    [
        ADMIN + 'subjects=["alice"]\ntenants=["t"]',
        ADMIN + 'subjects=["alice"]\nrooms=["a"]',
        ADMIN + 'roles=["a"]\n' + ROLE + 'tenants=["t"]',
        ALLOW + ADMIN.replace("allow", "deny") + 'subjects=["bob"]',
    ],
)
def test_administrators_of_some_tenant(text: str) -> None:
    assert warnings_of(policy(text)) == ()
