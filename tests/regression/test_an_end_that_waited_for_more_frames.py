"""What a throttled peer ended with (a close frame, a violation) was only seen to if frames waited
with it: else the connection stayed until its heartbeat failed.
"""

from __future__ import annotations

from unit.arqonbus.gateway.wired import Wired, publish


def test_the_end_comes_when_the_wait_is_over() -> None:
    wired = Wired(rates={"burst": 1.0, "connection_messages": 2.0, "refusals_before_close": 100})
    session, _ = wired.session("c_1")
    for number in range(5):
        session.receive(publish(number, id=f"m{number}"))
    wired.turn()
    ended: list[bool] = []
    session.finish(lambda: ended.append(True))
    assert not ended
    wired.passes(1.0)
    wired.turn()
    assert ended == [True]
