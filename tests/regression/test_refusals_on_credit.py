"""More refusals at once than `rates.refusals_before_close` were let pass: they were the first."""

from unit.arqonbus.gateway.wired import Wired, publish

from arqonbus.protocol.close import CloseCode


def test_more_refusals_at_once_than_may_be_end_the_connection() -> None:
    wired = Wired(rates={"burst": 1.0, "connection_messages": 5.0, "refusals_before_close": 3})
    session, connection = wired.session("c_1")
    for number in range(9):
        session.receive(publish(number, id=f"m{number}"))
    wired.turn()
    assert len(connection.of("error")) == 4
    assert connection.closed == []
    wired.passes(1.0)
    assert connection.closed == [CloseCode.RATE_LIMITED]
