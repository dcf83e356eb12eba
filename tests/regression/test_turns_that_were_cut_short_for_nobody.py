"""A tenant that is alone was given short turns, each of which costs a write for each subscriber."""

from __future__ import annotations

import pytest
from unit.arqonbus.gateway.wired import Wired, publish

from arqonbus.bus.bus import TURN
from arqonbus.model.principal import Principal

ANN, BOB = Principal("ann", "acme"), Principal("bob", "rival")


@pytest.mark.parametrize(("others", "taken"), [(ANN, 2 * TURN), (BOB, TURN)])
def test_only_a_tenant_that_is_not_alone_shares_its_turns(others: Principal, taken: int) -> None:
    wired = Wired()
    ann, _ = wired.session("c_1", principal=ANN)
    wired.session("c_2", principal=others)
    for number in range(2 * TURN):
        ann.receive(publish(number))
    wired.bus.end_tick()
    assert len(ann._inbox) == 2 * TURN - taken


def test_who_is_gone_is_nobody_to_share_with() -> None:
    wired = Wired()
    wired.session("c_1", principal=ANN)
    bob, _ = wired.session("c_2", principal=BOB)
    assert wired.hub.shared
    for _ in range(2):
        bob.ended()
    assert not wired.hub.shared
