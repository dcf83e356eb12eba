"""A file of records that are fsynced before the tables have them, overwritten in place.

The file has its full size from the start: overwriting needs one flush of the disk, whereas a file
that grows costs the file system's own journal another. Two halves take turns: while one takes
records the other's are put into the tables. A half's records carry its generation, which rises
each time; the tables name the last generation that they hold.
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

# Part of the file's form: a journal of another size is not read.
HALF = 2 * 1024 * 1024
# Checksum of all that follows, length of the content, generation.
_HEAD = struct.Struct("<IIQ")
_CHECKED = 4
_Item = tuple[str, str, str, int, int, list[bytes], dict[int, str]]

Batch = Sequence[ChannelAppend]


class Journal:
    """The open file. `write` blocks until the disk has the record."""

    def __init__(self, path: Path) -> None:
        """Open the file, which is made if it is not there, and give it its size.

        Raises:
            OSError: it can't be.
        """
        # O_DSYNC: each write returns when the disk has it.
        flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_DSYNC
        self._file = os.open(path, flags, 0o600)
        if os.fstat(self._file).st_size < 2 * HALF:
            self._make(path.parent)

    def _make(self, folder: Path) -> None:
        """Give the file its size; what it held has none that could have been acknowledged."""
        os.pwrite(self._file, bytes(2 * HALF), 0)
        os.fsync(self._file)
        # The file's name is in the folder, which has to be on the disk as well.
        entry = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(entry)
        finally:
            os.close(entry)

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
        written = os.pwrite(self._file, record, generation % 2 * HALF + offset)
        if written != len(record):
            raise OSError(errno.EIO, "a record was cut")

    def after(self, generation: int) -> Iterator[tuple[int, list[Batch]]]:
        """The halves that are younger than `generation`, the older one first.

        Raises:
            UnusableStoreError: one between is missing.
        """
        halves = [self._half(number) for number in (0, 1)]
        for found, batches in sorted(halves, key=lambda half: half[0]):
            if found > generation:
                if found != generation + 1:
                    raise UnusableStoreError(
                        f"the journal's generation {generation + 1} is missing"
                    )
                generation = found
                yield found, batches

    def _half(self, number: int) -> tuple[int, list[Batch]]:
        """Records up to the first one that is not whole: that was never acknowledged."""
        data = os.pread(self._file, HALF, number * HALF)
        generation, at, batches = 0, 0, []
        while at + _HEAD.size <= HALF:
            checksum, length, found = _HEAD.unpack_from(data, at)
            end = at + _HEAD.size + length
            if length == 0 or end > HALF or found != (generation or found):
                break
            if zlib.crc32(data[at + _CHECKED : end]) != checksum:
                break
            batches.append(_decoded(data[at + _HEAD.size : end]))
            generation, at = found, end
        return generation, batches


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
    return [
        ChannelAppend(Address(room, channel), epoch, after, timestamp, bodies, keys)
        for room, channel, epoch, after, timestamp, bodies, keys in msgspec.msgpack.decode(
            content, type=list[_Item]
        )
    ]
