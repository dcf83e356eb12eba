"""A file of records that are fsynced before the tables have them, overwritten in place.

The file has its full size from the start: overwriting needs one flush of the disk, whereas a file
that grows costs the file system's own journal another. Two halves take turns: while one takes
records the other's are put into the tables. A half's records carry its generation, which rises
each time; the tables name the last generation that they hold, and the journal that they need.
"""

from __future__ import annotations

import errno
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from arqonbus.model.address import Address
from arqonbus.storage.interface import ChannelAppend, UnusableStoreError

HALF = 2 * 1024 * 1024
# The file's name, which no other journal has, and the size of a half; the halves begin behind.
_FRONT = struct.Struct("<16sQ")
START = 4096
# Each write returns when the disk has it.
_FLAGS = os.O_RDWR | os.O_CLOEXEC | os.O_DSYNC
# Checksum of all that follows, length of the content, generation.
_HEAD = struct.Struct("<IIQ")
_CHECKED = 4
_GENERATION = 8
_Item = tuple[str, str, str, int, int, list[bytes], dict[int, str]]

Batch = Sequence[ChannelAppend]


class Journal:
    """The open file. `write` blocks until the disk has the record."""

    def __init__(self, file: int, name: bytes, half: int) -> None:
        self._file = file
        self.name = name
        self.half = half

    @classmethod
    def make(cls, path: Path, half: int) -> Journal:
        """Make the file anew, and make sure that a power cut leaves it there.

        Raises:
            OSError: it can't be.
        """
        name = os.urandom(16)
        file = os.open(path, os.O_CREAT | _FLAGS, 0o600)
        try:
            os.ftruncate(file, 0)
            _fill(file, _FRONT.pack(name, half).ljust(START, b"\0") + bytes(2 * half))
            os.fsync(file)
            # The file's name is in the folder, which has to be on the disk as well.
            _sync_folder(path.parent)
        except OSError:
            os.close(file)
            raise
        return cls(file, name, half)

    @classmethod
    def find(cls, path: Path) -> Journal:
        """Open a file that was made before.

        Raises:
            UnusableStoreError: it is not there, or not whole.
            OSError: it can't be opened.
        """
        try:
            file = os.open(path, _FLAGS)
        except FileNotFoundError as error:
            raise UnusableStoreError(
                f"{path}: the journal is missing, and with it what was acknowledged last"
            ) from error
        front = os.pread(file, _FRONT.size, 0)
        name, half = _FRONT.unpack(front.ljust(_FRONT.size, b"\0"))
        if os.fstat(file).st_size != START + 2 * half:
            os.close(file)
            raise UnusableStoreError(f"{path}: the journal is not whole")
        return cls(file, name, half)

    def close(self) -> None:
        """Let go of the file; idempotent."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def write(self, generation: int, offset: int, record: bytes) -> None:
        """Put a record into the half of `generation`.

        Raises:
            OSError: the disk refused; what it holds at this offset is unknown.
        """
        written = os.pwrite(self._file, record, self._start(generation) + offset)
        if written != len(record):
            raise OSError(errno.EIO, "a record was cut")

    def _start(self, generation: int) -> int:
        return START + generation % 2 * self.half

    def after(self, generation: int) -> Iterator[tuple[int, list[Batch]]]:
        """The halves that are younger than `generation`, the older one first.

        Raises:
            UnusableStoreError: one between is missing, or a record is damaged or means nothing.
        """
        halves = [self._half(number, generation) for number in (0, 1)]
        for found, batches in sorted(halves, key=lambda half: half[0]):
            if found > generation:
                if found != generation + 1:
                    raise UnusableStoreError(
                        f"the journal's generation {generation + 1} is missing"
                    )
                generation = found
                yield found, batches

    def _half(self, number: int, held: int) -> tuple[int, list[Batch]]:
        """Records up to the first one that is not whole: that was never acknowledged."""
        data = os.pread(self._file, self.half, self._start(number))
        generation, at, batches = 0, 0, []
        while (record := _record(data, at)) is not None:
            found, content = record
            if found != (generation or found):
                break
            batches.append(_decoded(content))
            generation, at = found, at + _HEAD.size + len(content)
        for later in (held + 1, held + 2):
            _check_nothing_follows(data, at, later)
        return generation, batches


def _record(data: bytes, at: int) -> tuple[int, bytes] | None:
    """Generation and content of the record that begins here, if it is whole."""
    if not 0 <= at <= len(data) - _HEAD.size:
        return None
    checksum, length, generation = _HEAD.unpack_from(data, at)
    content = data[at + _HEAD.size : at + _HEAD.size + length]
    if length == 0 or len(content) < length:
        return None
    if zlib.crc32(content, zlib.crc32(data[at + _CHECKED : at + _HEAD.size])) != checksum:
        return None
    return generation, content


def _check_nothing_follows(data: bytes, at: int, generation: int) -> None:
    """Only the last record can be one that was cut while it was written.

    Raises:
        UnusableStoreError: a whole one comes after it, so that it was acknowledged and damaged.
    """
    sought = generation.to_bytes(_GENERATION, "little")
    place = data.find(sought, at)
    while place >= 0:
        start = place - _HEAD.size + _GENERATION
        if start > at and _record(data, start) is not None:
            raise UnusableStoreError(
                f"a record of the journal's generation {generation} is damaged"
            )
        place = data.find(sought, place + 1)


def record_of(generation: int, batch: Batch) -> bytes:
    """A batch as it stands in the file."""
    content = msgspec.msgpack.encode(
        [(*i.address, i.epoch, i.after, i.timestamp, i.bodies, i.keys) for i in batch]
    )
    head = _HEAD.pack(0, len(content), generation)[_CHECKED:]
    return b"%b%b%b" % (
        zlib.crc32(content, zlib.crc32(head)).to_bytes(_CHECKED, "little"),
        head,
        content,
    )


def _decoded(content: bytes) -> Batch:
    try:
        items = msgspec.msgpack.decode(content, type=list[_Item])
    except msgspec.DecodeError as error:
        raise UnusableStoreError(f"the journal holds what is no record: {error}") from error
    return [
        ChannelAppend(Address(room, channel), epoch, after, timestamp, bodies, keys)
        for room, channel, epoch, after, timestamp, bodies, keys in items
    ]


def _fill(file: int, content: bytes) -> None:
    """Write all of it: where there is little room, the first write is cut without an error."""
    at = 0
    while at < len(content):
        at += os.pwrite(file, content[at:], at)


def _sync_folder(folder: Path) -> None:
    entry = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)
