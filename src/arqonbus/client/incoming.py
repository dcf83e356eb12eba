"""What the server sends, each frame to whom it is for."""

from __future__ import annotations

import logging
from collections.abc import Callable

from arqonbus.client.codec import read
from arqonbus.client.errors import ProtocolViolationError
from arqonbus.client.inbox import Inbox
from arqonbus.client.items import Access, message_of
from arqonbus.client.pacing import Pacing
from arqonbus.client.requests import Requests, refused
from arqonbus.client.subscriptions import Subscriptions
from arqonbus.client.tokens import Renewal
from arqonbus.client.works import Works
from arqonbus.protocol import outbound

News = outbound.Notice | outbound.Error

log = logging.getLogger("arqonbus.client")


class Incoming:
    """`durability` is the level that the server told last; while `draining` a retryable refusal of
    a publish is kept for the next connection, if there will be one (`reconnect`).
    """

    def __init__(  # noqa: PLR0913, PLR0917 - everybody who is told something
        self,
        requests: Requests,
        subscriptions: Subscriptions,
        inbox: Inbox,
        works: Works,
        pacing: Pacing,
        renewal: Renewal,
        *,
        on_news: Callable[[News], None] | None,
        pressure: Callable[[], None],
        reconnect: bool,
    ) -> None:
        self.durability = ""
        self.draining = False
        self._requests = requests
        self._subscriptions = subscriptions
        self._inbox = inbox
        self._works = works
        self._pacing = pacing
        self._renewal = renewal
        self._on_news = on_news or _log_news
        self._pressure = pressure
        self._reconnect = reconnect

    def take(self, frame: outbound.ServerFrame) -> None:
        """One frame.

        Raises:
            ProtocolViolationError: it must not come here.
        """
        if isinstance(frame, outbound.Message):
            self._on_message(frame)
        elif isinstance(frame, (outbound.Ack, outbound.Response)):
            self._on_answer(frame)
        elif isinstance(frame, outbound.Error):
            self._on_error(frame)
        elif isinstance(frame, outbound.Task):
            self._works.task(frame)
        elif isinstance(frame, outbound.Gap):
            if not self._works.gap(frame):
                self._subscriptions.gap(frame)
        elif isinstance(frame, outbound.Notice):
            self._on_notice(frame)
        else:
            raise ProtocolViolationError("a second welcome")

    def _on_notice(self, frame: outbound.Notice) -> None:
        event = frame.payload.get("event")
        if event == "draining":
            self.draining = True
        elif event == "durability":
            self.durability = str(frame.payload.get("durability", ""))
        elif event == "stream":
            self._subscriptions.moved(frame)
        elif event == "token":
            self._renewal.due(frame.payload)
        elif event == "access":
            self._on_access(read(frame.payload, Access))
        self._on_news(frame)

    def _on_access(self, access: Access) -> None:
        if access.group is None:
            self._subscriptions.taken_out(access)
        else:
            self._works.taken_out(access)

    def _on_message(self, frame: outbound.Message) -> None:
        if frame.to is not None:
            self._inbox.take(frame)
        else:
            self._subscriptions.message(message_of(frame))
        self._pressure()

    def _on_answer(self, frame: outbound.Ack | outbound.Response) -> None:
        if isinstance(frame, outbound.Response) and frame.sender is not None:
            # Another client wrote it: it must never pass for the server's answer.
            log.warning("a direct response of %s was not asked for", frame.sender)
            return
        if isinstance(frame, outbound.Ack):
            self._pacing.taken(frame.request_id)
        self._requests.settle(frame)

    def _on_error(self, frame: outbound.Error) -> None:
        again = self.draining and self._reconnect and refused(frame).retryable
        if again and self._requests.keep(frame.request_id):
            return
        if self._pacing.refused(frame):
            return
        if self._requests.settle(frame) or self._subscriptions.failed(frame):
            return
        self._on_news(frame)


def _log_news(news: News) -> None:
    if isinstance(news, outbound.Error):
        log.warning("the server refused something: %s: %s", news.error_code, news.error)
    else:
        log.info("notice: %s", news.payload)
