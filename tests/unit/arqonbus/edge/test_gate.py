"""How many may come in, and that nobody is remembered who is gone."""

from __future__ import annotations

import pytest

from arqonbus.config.limits import LimitSettings
from arqonbus.edge.gate import Gate, Visitor
from arqonbus.edge.networks import address_of
from arqonbus.edge.refusal import HandshakeRefused
from arqonbus.model.principal import ANONYMOUS, Principal


class Place:
    """A gate, the time, and visitors."""

    def __init__(self, *, loopback_free: bool = False, **limits: float) -> None:
        self.time = 0.0
        settings = LimitSettings.model_validate(limits)
        self.gate = Gate(settings, loopback_free=loopback_free, now=lambda: self.time)

    def come(self, address: str = "198.51.100.7") -> Visitor:
        visitor = Visitor(self.gate, address_of(address), proxy=False)
        visitor.settle(visitor.peer)
        return visitor

    @property
    def empty(self) -> bool:
        gate = self.gate
        return not (gate.pending or gate.pending_of or gate.connections)


def refused(visitor: Visitor) -> str:
    with pytest.raises(HandshakeRefused) as caught:
        visitor.check()
    assert caught.value.status == 429
    assert int(caught.value.headers["Retry-After"]) >= 1
    assert b"RATE_LIMITED" in caught.value.body
    return str(caught.value)


def test_connections_of_an_address() -> None:
    place = Place(connections_per_address=2)
    first, second, third = place.come(), place.come(), place.come()
    first.check()
    second.check()
    assert "limits.connections_per_address" in refused(third)
    place.come("198.51.100.8").check()
    third.left()
    assert place.come().refused
    first.left()
    first.left()
    place.come().check()
    assert place.come().refused


def test_an_ipv6_network_is_one_address() -> None:
    place = Place(connections_per_address=1)
    place.come("2001:db8::1").check()
    assert place.come("2001:db8::2").refused
    assert not place.come("2001:db8:0:1::1").refused


def test_handshakes_a_second() -> None:
    place = Place(handshake_burst=2, handshakes_per_address=0.5)
    for _ in range(2):
        place.come().left()
    assert "limits.handshakes_per_address" in refused(place.come())
    place.time = 2.0
    place.come().check()


def test_failed_handshakes_close_the_door_before_a_token_is_looked_at() -> None:
    place = Place(failed_handshake_burst=2, failed_handshakes_per_address=0.1)
    for _ in range(2):
        visitor = place.come()
        visitor.check()
        visitor.failed()
        visitor.left()
    assert "limits.failed_handshakes_per_address" in refused(place.come())
    place.come("198.51.100.8").check()
    place.time = 10.0
    place.come().check()


def test_connections_of_a_principal_and_of_a_tenant() -> None:
    place = Place(connections_per_principal=2, connections_per_tenant=3)
    ada, bob = Principal("ada", "blue"), Principal("bob", "blue")
    first = place.come()
    first.admit(ada)
    place.come().admit(ada)
    with pytest.raises(HandshakeRefused, match="connections_per_principal"):
        place.come().admit(ada)
    place.come().admit(Principal("ada", "red"))
    place.come().admit(bob)
    late = place.come()
    with pytest.raises(HandshakeRefused, match="connections_per_tenant"):
        late.admit(bob)
    late.left()
    first.left()
    place.come().admit(bob)


def test_anonymous_peers_are_no_one_principal() -> None:
    place = Place(connections_per_principal=1, connections_per_tenant=1)
    for _ in range(3):
        place.come().admit(ANONYMOUS)


def test_one_address_holds_a_quarter_of_the_unfinished_handshakes() -> None:
    place = Place(handshakes_pending=8)
    first, second, third = place.come(), place.come(), place.come()
    assert first.begin()
    assert second.begin()
    assert not third.begin()
    first.done()
    first.done()
    assert third.begin()
    others = [place.come(f"198.51.100.{host}").begin() for host in range(20, 30)]
    assert others == [True] * 6 + [False] * 4


def test_this_machine_is_free_in_development() -> None:
    place = Place(
        loopback_free=True, connections_per_address=1, handshake_burst=1, handshakes_pending=4,
        failed_handshake_burst=1,
    )  # fmt: skip
    for _ in range(20):
        visitor = place.come("127.0.0.1")
        visitor.check()
        visitor.failed()
        assert visitor.begin()
    place.come("::1").check()
    assert place.empty


def test_nobody_is_remembered() -> None:
    place = Place(handshakes_pending=8, connections_per_principal=1)
    visitors = [place.come() for _ in range(6)]
    for visitor in visitors:
        visitor.begin()
    visitors[0].admit(Principal("ada"))
    with pytest.raises(HandshakeRefused):
        visitors[1].admit(Principal("ada"))
    for visitor in visitors:
        visitor.left()
    assert place.empty
