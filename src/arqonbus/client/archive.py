"""A channel as a file: JSON lines, each chained by hash to all before it.

The first line is the header, the last one the end; each line between holds one message::

    {"archive":"arqonbus.stream","version":1,"room":…,"channel":…,"epoch":…,"first_seq":1,"complete":"complete"}
    {"chain":"9f2c…","message":{"seq":1,"id":…,"timestamp":…,"stored_at":…,"sender":…,"payload":…}}
    {"end":true,"messages":1,"last_seq":1,"chain":"9f2c…"}

The chain begins with the SHA-256 of the header line's bytes. Each message's link is the SHA-256 of
the link before it followed by the message's own bytes as they stand in the file. A line that was
altered, left out, doubled or moved breaks it; a file cut short has no end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import IO, Any, Literal

import msgspec

from arqonbus.client.errors import ClientError
from arqonbus.client.items import Completeness


class ArchiveError(ClientError):
    """A file is no whole archive; `line` says where it went wrong, from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which stream it is, and from which position on.

    `complete` is ``truncated`` when retention had removed positions before `first_seq`.
    """

    archive: Literal["arqonbus.stream"] = "arqonbus.stream"
    version: Literal[1] = 1
    room: str
    channel: str
    epoch: str
    first_seq: int
    complete: Completeness


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message as it was stored: all of it but what the receiving bus decides anew."""

    seq: int
    id: str
    timestamp: str
    sender: str
    payload: Any  # Any: a JSON value
    metadata: dict[str, Any] | None = None  # Any: a JSON object
    stored_at: str | None = None


class End(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last line. `chain` stands for the whole file: keep it elsewhere to compare with later."""

    end: Literal[True] = True
    messages: int
    last_seq: int
    chain: str


class _Link(msgspec.Struct, forbid_unknown_fields=True):
    chain: str
    message: msgspec.Raw


_encode = msgspec.json.Encoder().encode
_link = msgspec.json.Decoder(_Link).decode
_message = msgspec.json.Decoder(Record).decode


class ArchiveWriter:
    """Writes messages in order to a binary file; without `finish` the file stays unfinished."""

    def __init__(self, file: IO[bytes], header: Header) -> None:
        self._file = file
        self._count = 0
        self._next = header.first_seq
        first = _encode(header)
        self._chain = hashlib.sha256(first).digest()
        file.write(first + b"\n")

    def write(self, message: Record) -> None:
        """Append one message.

        Raises:
            ArchiveError: it is not the position after the one before.
        """
        if message.seq != self._next:
            raise ArchiveError(
                self._count + 2, f"position {message.seq} where {self._next} belongs"
            )
        text = _encode(message)
        self._chain = hashlib.sha256(self._chain + text).digest()
        self._file.write(b'{"chain":"%b","message":%b}\n' % (self._chain.hex().encode(), text))
        self._next += 1
        self._count += 1

    def finish(self) -> End:
        """Write the last line."""
        end = End(messages=self._count, last_seq=self._next - 1, chain=self._chain.hex())
        self._file.write(_encode(end) + b"\n")
        return end


class ArchiveReader:
    """Reads a file and checks every line; iterating yields the messages.

    Attributes:
        header: the first line.
        end: the last line, once iterated to it.
    """

    def __init__(self, file: IO[bytes]) -> None:
        """Read the header.

        Raises:
            ArchiveError: there is none.
        """
        first = file.readline().removesuffix(b"\n")
        try:
            self.header = msgspec.json.decode(first, type=Header)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ArchiveError(1, f"not an archive of a stream: {error}") from error
        self.end: End | None = None
        self._file = file
        self._chain = hashlib.sha256(first).digest()

    def __iter__(self) -> Iterator[Record]:
        """Every message in order.

        Raises:
            ArchiveError: a line is altered, missing, doubled, out of order, or the end is missing.
        """
        expected, number = self.header.first_seq, 1
        for number, line in enumerate(self._file, 2):
            if not line.endswith(b"\n"):
                raise ArchiveError(number, "the file was cut off here")
            if line.startswith(b'{"end"'):
                self._check_end(number, line, expected)
                return
            yield self._checked(number, line, expected)
            expected += 1
        raise ArchiveError(number + 1, "the end is missing: the file was cut off")

    def _checked(self, number: int, line: bytes, expected: int) -> Record:
        try:
            link = _link(line)
            message = _message(link.message)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ArchiveError(number, f"not a message: {error}") from error
        self._chain = hashlib.sha256(self._chain + bytes(link.message)).digest()
        if link.chain != self._chain.hex():
            raise ArchiveError(
                number,
                f"the hash chain breaks at position {message.seq}: this line, or what"
                " stood before it, was altered, removed or moved",
            )
        if message.seq != expected:
            raise ArchiveError(number, f"position {message.seq} where {expected} belongs")
        return message

    def _check_end(self, number: int, line: bytes, expected: int) -> None:
        try:
            end = msgspec.json.decode(line, type=End)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ArchiveError(number, f"not an end: {error}") from error
        if end.chain != self._chain.hex():
            raise ArchiveError(number, "the hash chain breaks at the end: lines were removed")
        count = expected - self.header.first_seq
        if (end.messages, end.last_seq) != (count, expected - 1):
            raise ArchiveError(
                number, f"{count} messages up to {expected - 1}, the end says otherwise"
            )
        if self._file.read(1):
            raise ArchiveError(number + 1, "something follows the end")
        self.end = end
