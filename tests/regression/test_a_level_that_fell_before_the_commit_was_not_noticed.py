"""A message that requires a level was acknowledged with less: it was accepted while the level was
reached, waited for the commit before its own, and the level fell with that one.
"""

from __future__ import annotations

from unit.arqonbus.bus.fakes import Stage, payloads

from arqonbus.errors import ErrorCode
from arqonbus.model.durability import Durability


def test_what_waited_while_the_level_fell_is_refused() -> None:
    stage = Stage()
    peer, subscriber = stage.peer(), stage.subscriber()
    stage.send(peer, "first")
    stage.turn()
    stage.send(peer, "sure", id="sure", require="disk")
    stage.send(peer, "any", id="any")
    stage.turn()
    stage.storage.lower(Durability.MEMORY)
    stage.settle()
    assert [(error.code, told) for error, told in peer.errors] == [
        (ErrorCode.DURABILITY_NOT_MET, "sure")
    ]
    assert payloads(subscriber) == [(1, "first"), (2, "any")]
    assert {ack["durability"] for ack in peer.acks} == {"memory"}
    assert stage.books() == {"published": 3, "stored": 2, "refused": 1, "waiting": 0}


def test_the_bus_goes_on_when_nothing_of_a_batch_can_be_had() -> None:
    stage = Stage()
    peer = stage.peer()
    stage.send(peer, "first")
    stage.turn()
    stage.send(peer, "sure", id="sure", require="disk")
    stage.turn()
    stage.storage.lower(Durability.MEMORY)
    stage.settle()
    stage.send(peer, "last", id="last")
    stage.settle()
    assert [told for _, told in peer.errors] == ["sure"]
    assert [ack["seq"] for ack in peer.acks] == [1, 2]
    assert stage.bus.idle
