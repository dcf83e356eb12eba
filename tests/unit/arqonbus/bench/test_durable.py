from __future__ import annotations

import json
from pathlib import Path

import pytest
from websockets.frames import Frame as Reference
from websockets.streams import StreamReader

from arqonbus.bench import servers
from arqonbus.bench.compare import ratio
from arqonbus.bench.durable import check_positions
from arqonbus.bench.durable_dialects import (
    ArqonDurable,
    DurableDialect,
    JetStreamDurable,
    ValkeyDurable,
    durable_dialect,
)
from arqonbus.bench.errors import BenchError
from arqonbus.bench.plan import Outcome, Plan, ServerKind
from arqonbus.protocol.wire import server_frame


def plan(server: ServerKind = "arqonbus") -> Plan:
    return Plan(scenario="durable", server=server, port=1, pid=1)


def ack(number: int, seq: int, durability: str = "disk") -> bytes:
    frame = {"type": "ack", "request_id": f"gabc-{number:012d}", "seq": seq}
    return server_frame(json.dumps(frame | {"durability": durability}).replace(" ", "").encode())


def jetstream_ack(dialect: JetStreamDurable, number: int, seq: int) -> bytes:
    body = b'{"stream":"BENCH","seq":%d}' % seq
    return b"MSG %b%012d 1 %d\r\n%b\r\n" % (dialect._inbox, number, len(body), body)


def streams() -> list[tuple[DurableDialect, bytes]]:
    """Two receipts of each server, as it sends them."""
    jetstream = JetStreamDurable(plan("nats"))
    return [
        (ArqonDurable(plan()), ack(0, 5) + ack(1, 6)),
        (jetstream, jetstream_ack(jetstream, 0, 5) + b"PING\r\n" + jetstream_ack(jetstream, 1, 6)),
        (ValkeyDurable(plan("valkey")), b"$3\r\n0-5\r\n$3\r\n0-6\r\n"),
    ]


@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_receipts_are_read_wherever_the_chunks_end(which: int, step: int) -> None:
    dialect, stream = streams()[which]
    found = []
    for at in range(0, len(stream), step):
        found += dialect.receipts(stream[at : at + step])
    assert found == [(0, 5), (1, 6)]


@pytest.mark.parametrize(
    ("kind", "answer", "word"),
    [
        (
            "arqonbus",
            server_frame(b'{"type":"error","error_code":"CONFLICT","error":"no"}'),
            "CONF",
        ),
        ("arqonbus", server_frame(b'{"type":"gap"}'), "not a receipt"),
        ("arqonbus", ack(0, 1, "memory"), "memory"),
        ("arqonbus", b"\x88\x02\x0f\xa0", "closed"),
        ("nats", b"-ERR 'Slow Consumer'\r\n", "Slow"),
        ("valkey", b"-OOM command not allowed\r\n", "OOM"),
    ],
)
def test_anything_but_a_receipt_stops_the_run(kind: ServerKind, answer: bytes, word: str) -> None:
    with pytest.raises(BenchError, match=word):
        durable_dialect(plan(kind)).receipts(answer)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"code":503,"description":"no room"},"stream":"BENCH","seq":0}',
        b'{"stream":"BENCH","seq":3,"duplicate":true}',
        b'{"stream":"BENCH","seq":0}',
    ],
)
def test_a_refusal_of_jetstream_stops_the_run(body: bytes) -> None:
    dialect = JetStreamDurable(plan("nats"))
    with pytest.raises(BenchError):
        dialect.receipts(b"MSG %b%012d 1 %d\r\n%b\r\n" % (dialect._inbox, 0, len(body), body))


def test_each_count_is_understood() -> None:
    jetstream = JetStreamDurable(plan("nats"))
    body = b'{"state":{"messages":7}}'
    valkey, arqon = ValkeyDurable(plan("valkey")), ArqonDurable(plan())
    assert (
        jetstream.receipts(b"MSG %binfo 1 %d\r\n%b\r\n" % (jetstream._inbox, len(body), body)) == []
    )
    assert valkey.receipts(b":7\r\n") == []
    assert arqon.receipts(server_frame(b'{"type":"response","payload":{"seq":7}}')) == []
    assert (jetstream.stored, valkey.stored, arqon.stored) == (7, 7, 7)


def test_connections_open_wherever_the_chunks_end() -> None:
    jetstream = JetStreamDurable(plan("nats"))
    created = b"INFO {}\r\nMSG %bcreate 1 2\r\n{}\r\n" % jetstream._inbox
    upgraded = b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + server_frame(b'{"type":"welcome"}')
    for dialect, answer in (
        (ArqonDurable(plan()), upgraded),
        (jetstream, created),
        (ValkeyDurable(plan("valkey")), b"+PONG\r\n"),
    ):
        opened = [dialect.is_open(answer[at : at + 1]) for at in range(len(answer))]
        assert opened == [False] * (len(answer) - 1) + [True]


@pytest.mark.parametrize(
    ("kind", "answer"), [("arqonbus", b"HTTP/1.1 403 No\r\n\r\n"), ("valkey", b"-NOAUTH\r\n")]
)
def test_a_connection_that_is_refused_stops_the_run(kind: ServerKind, answer: bytes) -> None:
    with pytest.raises(BenchError, match="refused"):
        durable_dialect(plan(kind)).is_open(answer)


def test_publishes_carry_number_and_size() -> None:
    reader = StreamReader()
    reader.feed_data(ArqonDurable(plan()).publish(3, 1))
    parsing = Reference.parse(reader.read_exact, mask=True)
    with pytest.raises(StopIteration) as parsed:
        next(parsing)
    frame = json.loads(parsed.value.value.data)
    jetstream = JetStreamDurable(plan("nats"))
    head, body, _ = jetstream.publish(3, 1).split(b"\r\n")
    entry = ValkeyDurable(plan("valkey")).publish(3, 2)
    payload = f"{3:012d}" + "x" * 116
    assert (frame["payload"], frame["qos"]) == (payload, 1)
    assert head == b"PUB bench.load %b%012d 128" % (jetstream._inbox, 3)
    assert body == payload.encode()
    assert entry.count(b"XADD") == 2
    assert b"$128\r\n" + payload.encode() + b"\r\n" in entry


def test_positions_must_be_all_there_once_and_in_order() -> None:
    check_positions([[1, 4], [2, 3]])
    for wrong in ([[1, 3]], [[1, 2], [2, 3]], [[2, 1]], [[0, 1]]):
        with pytest.raises(BenchError):
            check_positions(wrong)


def test_a_ratio_is_taken_round_by_round() -> None:
    ours = [Outcome(messages=n, seconds=1.0) for n in (100, 10, 90)]
    theirs = [Outcome(messages=n, seconds=1.0) for n in (50, 10, 100)]
    assert ratio(ours, theirs) == {"median": 1.0, "least": 0.9, "most": 2.0}


@pytest.mark.parametrize("find", [servers.nats_program, servers.valkey_program])
def test_a_peer_that_is_not_installed_says_how_to_get_it(
    find: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert callable(find)
    with pytest.raises(BenchError, match=r"pip install 'arqonbus\[bench\]'"):
        find()
