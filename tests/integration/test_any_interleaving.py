"""Whatever is done to a bus in whatever order, on every backend: readers get positions without
holes and in order or are told, and a group accounts for every message.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.redis_store import fresh_prefix
from support.valkey import Valkey
from support.whole_bus import Client, Frame, living

from arqonbus.app.build import App

RC = {"room": "r", "channel": "c"}
GROUP = {**RC, "group": "g"}
KINDS = ["sqlite", "sqlite-degraded", "memory", "redis", "redis-degraded"]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(1, 6)),
        st.tuples(st.just("read"), st.integers(0, 40)),
        st.tuples(st.just("resume"), st.integers(0, 40)),
        st.tuples(st.sampled_from(["join", "crash", "ack", "nack"]), st.integers(0, 1)),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=25,
)


def settings_of(kind: str, folder: Path, server: Valkey, keep: int) -> dict[str, object]:
    backend, _, mode = kind.partition("-")
    return {
        "data_dir": folder,
        "storage": {"backend": backend, "mode": mode or "strict"},
        "redis": {"url": server.url, "prefix": fresh_prefix(), "timeout": 30},
        "retention": {"max_messages": keep},
        "limits": {"history_page": 5},
        "groups": {"visibility_timeout": 3600, "max_attempts": 1000},
    }


class Play:
    """Through the lives of a bus: `epoch` and `last` are the stream's, `acked` what was settled."""

    def __init__(self, stack: AsyncExitStack, config: Mapping[str, object]) -> None:
        self.stack = stack
        self.config = config
        self.app: App
        self.source: Client
        self.workers: dict[int, Client] = {}
        self.epoch, self.last = "", 0
        self.acked: set[int] = set()

    async def live(self) -> None:
        await self.stack.aclose()
        self.app = await self.stack.enter_async_context(living(self.config))
        self.source, self.workers = Client(self.app), {}
        if self.config["storage"] == {"backend": "memory", "mode": "strict"}:
            self.last, self.acked = 0, set()
        joined = await self.source.call("join_channel", **RC)
        await self.source.call("group.join", **GROUP, credits=1, start="beginning")
        await self.source.call("group.leave", **GROUP)
        assert joined["seq"] == self.last
        assert joined["epoch"] == self.epoch or self.last == 0
        self.epoch = joined["epoch"]

    async def step(self, what: str, value: int) -> None:
        if what == "publish":
            await self.publish(value)
        elif what == "read":
            await self.read(value)
        elif what == "resume":
            await self.resume(value)
        elif what == "restart":
            await self.live()
        elif what == "join":
            await self.join(value)
        elif value in self.workers:
            await self.work(what, value)

    async def publish(self, count: int) -> None:
        asked = [
            self.source.ask(type="message", **RC, payload=seq, id=f"{self.epoch}-{seq}")
            for seq in range(self.last + 1, self.last + count + 1)
        ]
        acks = await asyncio.gather(*asked)
        assert [ack["seq"] for ack in acks] == list(range(self.last + 1, self.last + count + 1))
        self.last += count
        await self.heard()

    async def heard(self) -> None:
        seqs = [frame["seq"] for frame in self.source.of("message")]
        assert seqs == list(range(self.last + 1 - len(seqs), self.last + 1))

    async def read(self, after: int) -> None:
        """All pages after a position: consecutive, and truncated only where the page says so."""
        begin, seqs, told = after, [], ""
        while True:
            page = await self.source.call("history", **RC, after=after, epoch=self.epoch, limit=5)
            told = told or page["complete"]
            assert told == page["complete"] or page["complete"] == "complete"
            seqs += [(m["seq"], m["payload"]) for m in page["messages"]]
            if page["next_after"] is None:
                break
            after = page["next_after"]
        if begin > self.last:
            assert (told, seqs) == ("unknown", [])
            return
        first = max(begin + 1, page["first_seq"])
        assert told == ("truncated" if page["first_seq"] > begin + 1 else "complete")
        assert seqs == [(seq, seq) for seq in range(first, self.last + 1)]

    async def resume(self, seq: int) -> None:
        reader = Client(self.app)
        since = {"epoch": self.epoch, "seq": seq}
        joined = await reader.call("join_channel", **RC, since=since)
        if seq > self.last:
            assert joined["recovered"] == "unknown"
        else:
            first = max(seq + 1, joined["first_seq"])
            assert joined["recovered"] == ("truncated" if first > seq + 1 else "complete")
            await self.reached(reader, first)
            gaps = [g["payload"] for g in reader.of("gap")]
            told = [(gap["from_seq"], gap["to_seq"]) for gap in gaps]
            assert told == ([(seq + 1, first - 1)] if first > seq + 1 else [])
        reader.leave()

    async def reached(self, reader: Client, first: int) -> None:
        expected = list(range(first, self.last + 1))
        while len(reader.of("message")) < len(expected):
            reader.connection.more.clear()
            await reader.connection.more.wait()
        assert [frame["seq"] for frame in reader.of("message")] == expected

    async def join(self, who: int) -> None:
        if who not in self.workers:
            self.workers[who] = Client(self.app)
            await self.workers[who].call("group.join", **GROUP, credits=3)

    async def work(self, what: str, who: int) -> None:
        worker = self.workers[who]
        if what == "crash":
            del self.workers[who]
            worker.leave()
            return
        tasks = worker.of("task")
        if not tasks:
            return
        oldest: Frame = tasks[0]
        worker.connection.heard.remove(oldest)
        args = {**GROUP, "seqs": [oldest["seq"]], "epoch": oldest["epoch"]}
        answer = await worker.call(f"group.{what}", **args)
        if what == "ack":
            assert answer["acked"] == [oldest["seq"]]
            assert oldest["seq"] not in self.acked
            self.acked.add(oldest["seq"])

    async def finish(self) -> None:
        """One worker does all that is left; nothing that was settled comes again."""
        for worker in self.workers.values():
            worker.leave()
        self.workers = {0: Client(self.app)}
        await self.workers[0].call("group.join", **GROUP, credits=50)
        while True:
            found = await self.source.call("group.pending", **GROUP)
            assert found["balanced"]
            if found["floor"] == self.last:
                break
            await self.work("ack", 0)
            await asyncio.sleep(0)
        assert (found["in_flight"], found["waiting"], found["dead"]) == (0, 0, 0)
        assert found["acked"] + found["lost"] == self.last
        assert found["acked"] == len(self.acked)
        books = (await self.source.call("status"))["ledger"]
        assert books["published"] == books["stored"]


@asynccontextmanager
async def played(config: Mapping[str, object]) -> AsyncIterator[Play]:
    async with AsyncExitStack() as stack:
        play = Play(stack, config)
        await play.live()
        yield play


async def run(config: Mapping[str, object], steps: list[tuple[str, int]]) -> None:
    async with asyncio.timeout(60), played(config) as play:
        for what, value in steps:
            await play.step(what, value)
        await play.finish()


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, keep=st.sampled_from([4, 1000]))
def test_readers_and_groups_are_told_the_truth(
    tmp_path_factory: pytest.TempPathFactory,
    valkey: Valkey,
    kind: str,
    steps: list[tuple[str, int]],
    keep: int,
) -> None:
    make: Callable[[str], Path] = tmp_path_factory.mktemp
    asyncio.run(run(settings_of(kind, make("bus"), valkey, keep), steps))
