"""aiohttp's log, without what clients sent.

For a request that can't be parsed aiohttp logs an error with the bytes it fell over, which may hold
a token, and which anybody can send as often as they like.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError


def quiet_logger(on_garbage: Callable[[], None]) -> logging.Logger:
    """A logger for `web.AppRunner` that tells `on_garbage` of such requests, and nothing more."""

    class NoGarbage(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            fault = record.exc_info and record.exc_info[1]
            if isinstance(fault, HttpProcessingError):
                on_garbage()
            # A body that can't be read was refused already, and counted then.
            return not isinstance(fault, (HttpProcessingError, web.RequestPayloadError))

    # Not from the global table, in which it would gather the filters of every server.
    logger = logging.Logger("arqonbus.api")  # noqa: LOG001 - see above
    logger.parent = logging.getLogger()
    logger.addFilter(NoGarbage())
    return logger
