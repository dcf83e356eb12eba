"""aiohttp's log, without what clients sent.

For a request that can't be parsed aiohttp logs an error with the bytes it fell over, which may hold
a token, and which anybody can send as often as they like.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from aiohttp.http_exceptions import HttpProcessingError


def quiet_logger(on_garbage: Callable[[], None]) -> logging.Logger:
    """A logger for `web.AppRunner` that tells `on_garbage` of such requests, and nothing more."""

    class NoGarbage(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
                on_garbage()
                return False
            return True

    # Not from the global table, in which it would gather the filters of every server.
    logger = logging.Logger("arqonbus.api")  # noqa: LOG001 - see above
    logger.parent = logging.getLogger()
    logger.addFilter(NoGarbage())
    return logger
