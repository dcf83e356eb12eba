"""A token that was taken back lets nobody in, and one that was not is not mistaken for it."""

from __future__ import annotations

import pytest

from arqonbus.model.principal import Principal
from arqonbus.shield.interface import AuthError, AuthReason
from arqonbus.shield.revoked import RevocationAuthenticator, Revoked

ANN = Principal("ann", "acme", token_id="t1", issued_at=100.0)


class Lets:
    """Lets one principal in, whatever it shows."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal

    def authenticate(self, token: str | None) -> Principal:
        del token
        return self._principal


def revoked(**changes: dict[tuple[str, str], float]) -> Revoked:
    made = Revoked()
    made.known = True
    made.tokens.update(changes.get("tokens", {}))
    made.subjects.update(changes.get("subjects", {}))
    return made


@pytest.mark.parametrize(
    ("tokens", "subjects", "covered"),
    [
        ({}, {}, False),
        ({("acme", "t1"): 9.0}, {}, True),
        ({("acme", "t2"): 9.0}, {}, False),
        ({("other", "t1"): 9.0}, {}, False),
        ({}, {("acme", "ann"): 100.0}, True),
        ({}, {("acme", "ann"): 99.5}, False),
        ({}, {("acme", "bob"): 200.0}, False),
        ({}, {("other", "ann"): 200.0}, False),
    ],
)
def test_what_is_revoked(
    tokens: dict[tuple[str, str], float],
    subjects: dict[tuple[str, str], float],
    covered: bool,
) -> None:
    assert revoked(tokens=tokens, subjects=subjects).covers(ANN) is covered


def test_a_token_that_does_not_say_when_it_was_issued_may_be_an_old_one() -> None:
    undated = Principal("ann", "acme")
    assert revoked(subjects={("acme", "ann"): 1.0}).covers(undated)
    assert not revoked(tokens={("acme", "t1"): 1.0}).covers(undated)


def test_a_good_token_lets_in() -> None:
    assert RevocationAuthenticator(Lets(ANN), revoked()).authenticate("token") is ANN


def test_a_revoked_token_does_not() -> None:
    door = RevocationAuthenticator(Lets(ANN), revoked(tokens={("acme", "t1"): 9.0}))
    with pytest.raises(AuthError) as refusal:
        door.authenticate("token")
    assert refusal.value.reason is AuthReason.REVOKED


def test_nobody_is_let_in_while_it_is_not_known_what_is_revoked() -> None:
    unread = Revoked()
    door = RevocationAuthenticator(Lets(ANN), unread)
    with pytest.raises(AuthError) as refusal:
        door.authenticate("token")
    assert refusal.value.reason is AuthReason.UNAVAILABLE
    unread.known = True
    assert door.authenticate("token") is ANN
