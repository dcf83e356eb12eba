"""How long a client looks for a good token was only judged after each attempt, and attempts may be
15 seconds apart: calls waited on, and timed out, instead of raising why.
"""

from arqonbus.client.backoff import Backoff
from arqonbus.client.errors import HandshakeRefusedError
from arqonbus.client.recovery import Recovery


async def test_the_last_attempt_is_made_when_the_time_ends() -> None:
    rare = Backoff(first=1000.0, limit=1000.0)
    recovery = Recovery(rare, lambda: 1.0, reconnect=True, renewable=True, token_timeout=5)
    refused = HandshakeRefusedError(401, "")
    assert recovery.wait(0, None) == 1000
    assert recovery.passes(refused)
    assert 0 < recovery.wait(1, refused) <= 5
    recovery.connected()
    assert recovery.wait(0, None) == 1000
