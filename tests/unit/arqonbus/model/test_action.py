"""The actions that a policy speaks of."""

from arqonbus.model.action import Action


def test_two_concern_no_channel() -> None:
    assert {it for it in Action if not it.has_address} == {Action.DIRECT, Action.ADMIN}


def test_their_names_are_what_policies_write() -> None:
    assert [str(it) for it in Action] == [it.name.lower() for it in Action]
