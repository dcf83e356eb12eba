"""Whose address a proxy forwards: RFC 7239 `Forwarded` or `X-Forwarded-For`, as was chosen.

Anybody can send these headers, so they count only as far as trusted proxies wrote them: from the
right, one step for each trusted address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, Literal

from arqonbus.edge.networks import Address, Network, address_of
from arqonbus.edge.refusal import malformed

Header = Literal["none", "forwarded", "x-forwarded-for", "proxy-protocol"]

_MAX_STEPS: Final = 32
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PAIR: Final = re.compile(rf'({_WORD})=({_WORD}|"(?:[^"\\]|\\[\t -~])*")', re.ASCII)
_ELEMENT_END: Final = re.compile(r"[ \t]*([;,]|$)[ \t]*")
_NODE: Final = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<four>[0-9.]+)|(?P<hidden>unknown|_[A-Za-z0-9._-]+))"
    r"(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?",
    re.ASCII,
)


class Proxies:
    """The proxies that are believed, and the header they write."""

    def __init__(self, header: Header, trusted: Sequence[Network]) -> None:
        self.header = header
        self._trusted = trusted

    def trusts(self, address: Address) -> bool:
        """Whether this is a proxy of ours."""
        return self.header != "none" and any(address in network for network in self._trusted)

    def client(self, peer: Address, lines: Callable[[str], Sequence[str]]) -> Address:
        """The address that the request comes from.

        Args:
            peer: who opened the connection.
            lines: all headers of a name, in order.

        Raises:
            HandshakeRefused: a trusted proxy's header can't be read.
        """
        if self.header in {"none", "proxy-protocol"} or not self.trusts(peer):
            return peer
        steps = _forwarded if self.header == "forwarded" else _x_forwarded_for
        try:
            return self._walk(peer, steps(",".join(lines(self.header))))
        except ValueError:
            raise malformed(f"the {self.header} header can't be read") from None

    def _walk(self, peer: Address, steps: list[Address | None]) -> Address:
        if len(steps) > _MAX_STEPS:
            raise ValueError
        for step in reversed(steps):
            # A proxy that hides whom it speaks for is itself who is counted (RFC 7239, 6.2, 6.3).
            if step is None or not self.trusts(peer):
                break
            peer = step
        return peer


def _x_forwarded_for(line: str) -> list[Address | None]:
    return [_x_address(part.strip(" \t")) for part in line.split(",")] if line else []


def _x_address(text: str) -> Address | None:
    """An address; some proxies add the port, and then brackets around IPv6."""
    try:
        return address_of(text)
    except ValueError:
        return _node(text)


def _forwarded(line: str) -> list[Address | None]:
    """The `for` of each element; one without is a proxy that says nothing."""
    steps: list[Address | None] = []
    at, names = 0, set[str]()
    step: Address | None = None
    while at < len(line):
        pair = _PAIR.match(line, at)
        end = _ELEMENT_END.match(line, pair.end()) if pair else None
        if pair is None or end is None or (name := pair[1].lower()) in names:
            raise ValueError
        names.add(name)
        if name == "for":
            step = _node(_unquoted(pair[2]))
        at = end.end()
        if end[1] != ";":
            steps.append(step)
            step, names = None, set()
        if end[1] and at == len(line):
            raise ValueError  # nothing after the separator
    return steps


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _node(text: str) -> Address | None:
    node = _NODE.fullmatch(text)
    if node is None:
        raise ValueError
    address = node["six"] or node["four"]
    return address_of(address) if address else None
