"""A channel's past, page after page, with proof that nothing is missing in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from arqonbus.client.errors import StreamBrokenError
from arqonbus.client.items import Gap, HistoryPage, Message

# Messages that a page is asked to hold at most, where the server allows as many.
PAGE = 500
History = Callable[..., Awaitable[HistoryPage]]


async def replay(  # noqa: PLR0913, PLR0917 - what a page is asked for with
    history: History,
    room: str,
    channel: str,
    begin: Mapping[str, object],
    until_time: str | None,
    limit: int,
) -> AsyncIterator[Message | Gap]:
    """See `Client.replay`; `begin` are the arguments of the first page."""
    page = await history(room, channel, limit=limit, until_time=until_time, **begin)
    if page.complete == "unknown":
        raise StreamBrokenError(f"{room}:{channel}: the stream goes on in epoch {page.epoch}")
    if page.complete == "truncated":
        after = begin.get("after")
        yield Gap(
            room=room,
            channel=channel,
            epoch=page.epoch,
            from_seq=after + 1 if isinstance(after, int) else 1,
            to_seq=page.first_seq - 1,
            reason="retention",
        )
    async for message in pages(history, page, room, channel, limit, until_time):
        yield message


async def pages(  # noqa: PLR0913, PLR0917 - what a page is asked for with
    history: History,
    page: HistoryPage,
    room: str,
    channel: str,
    limit: int,
    until_time: str | None = None,
) -> AsyncIterator[Message]:
    """Every message from `page` on, up to `limit` at a time.

    Raises:
        StreamBrokenError: retention or a new epoch took messages while they were read.
    """
    expected, epoch = page.messages[0].seq if page.messages else 0, page.epoch
    while True:
        for message in page.messages:
            if message.seq != expected or message.epoch != epoch:
                raise StreamBrokenError(
                    f"{room}:{channel}: position {expected} went while it was read"
                )
            yield message
            expected += 1
        if page.next_after is None:
            return
        page = await history(
            room, channel, after=page.next_after, epoch=epoch, limit=limit, until_time=until_time
        )
        if page.complete != "complete":
            raise StreamBrokenError(f"{room}:{channel}: position {expected} went while it was read")
