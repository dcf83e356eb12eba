from __future__ import annotations

import pytest
from websockets.frames import Frame as Reference
from websockets.streams import StreamReader

from arqonbus.bench.frames import Splitter, client_frame
from arqonbus.protocol.wire import server_frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
@pytest.mark.parametrize("binary", [False, True])
def test_another_implementation_reads_our_frames(size: int, binary: bool) -> None:
    payload = b"a1" * (size // 2) + b"z" * (size % 2)
    stream = StreamReader()
    stream.feed_data(client_frame(payload, binary=binary))
    parsing = Reference.parse(stream.read_exact, mask=True)
    with pytest.raises(StopIteration) as parsed:
        next(parsing)
    frame = parsed.value.value
    assert (frame.data, int(frame.opcode), frame.fin) == (payload, 2 if binary else 1, True)


@pytest.mark.parametrize("step", [1, 2, 7, 4096, 10**6])
def test_a_stream_is_cut_into_frames_wherever_the_chunks_end(step: int) -> None:
    payloads = [b"", b"a", b"b" * 125, b"c" * 126, b"d" * 70000, b"e"]
    stream = b"".join(server_frame(p) for p in payloads)
    splitter = Splitter()
    found: list[tuple[int, bytes]] = []
    for at in range(0, len(stream), step):
        found += splitter.feed(stream[at : at + step])
    assert found == [(1, payload) for payload in payloads]
    assert splitter.pending == 0
