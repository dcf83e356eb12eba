"""Which web sites may connect from a browser (RFC 6454; RFC 6455, section 10.2).

A browser lets any page open a WebSocket to any host, and says in Origin whose page it is. Programs
send no Origin, and what they claim would prove nothing: they are not held up here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from arqonbus.edge.refusal import HandshakeRefused, malformed
from arqonbus.errors import ErrorCode

ANY: Final = "*"

# As browsers write it: lower case, ASCII, without path, user or default port (RFC 6454, 6.2).
_PORT = r"(?::[1-9][0-9]{0,4})?"
_HOST = r"(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])"
_ORIGIN: Final = re.compile(rf"[a-z][a-z0-9+.-]*://{_HOST}{_PORT}", re.ASCII)
_LOOPBACK: Final = re.compile(rf"https?://(?:localhost|127\.0\.0\.1|\[::1\]){_PORT}", re.ASCII)
_NEEDLESS: Final = re.compile(r"http://.*:80|https://.*:443")


def is_origin(text: str) -> bool:
    """Whether a browser could send this as the origin of a page."""
    return bool(_ORIGIN.fullmatch(text)) and not _NEEDLESS.fullmatch(text)


class Origins:
    """The origins that are let in."""

    def __init__(self, allowed: Sequence[str], *, loopback: bool) -> None:
        self._allowed = frozenset(allowed)
        self._loopback = loopback

    def check(self, given: Sequence[str]) -> None:
        """Judge a request by its Origin headers.

        Raises:
            HandshakeRefused: it comes from a page of another site, or doesn't say from which.
        """
        if not given:
            return
        if len(given) > 1:
            raise malformed("there is more than one Origin header")
        if not self._allows(given[0]):
            raise HandshakeRefused(
                HTTPStatus.FORBIDDEN,
                ErrorCode.FORBIDDEN,
                "pages of this origin may not connect: edge.origins does not list it",
                about="Origin",
            )

    def _allows(self, origin: str) -> bool:
        if not _ORIGIN.fullmatch(origin):  # also `null`, which any sandboxed page has
            return False
        if origin in self._allowed or ANY in self._allowed:
            return True
        return self._loopback and bool(_LOOPBACK.fullmatch(origin))
