"""The rules about stores: where they bite, where they don't, and at which line."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import TYPE_CHECKING

import pytest

from checks.rules.late_ability import late_abilities
from checks.rules.receipts import early_receipts
from checks.rules.source import Source, parse
from checks.rules.went_on import went_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from checks.model import Finding


def lines(rule: Callable[[Source], Iterator[Finding]], folder: Path, text: str) -> list[int | None]:
    (folder / "a.py").write_text(dedent(text), "utf-8")
    source = parse(folder / "a.py", "a.py")
    assert isinstance(source, Source)
    return [found.location.line for found in rule(source) if found.location]


def handling(body: str, after: str = "", caught: str = "OSError as error") -> str:
    """A function that stores, with a handler at its line 4."""
    text = f"def f(self):\n    try:\n        self.store.append(b)\n    except {caught}:\n"
    return text + indent(dedent(body), " " * 8) + "\n" + indent(dedent(after), "    ")


CONSEQUENCES = [
    "raise",
    "raise StorageError from error",
    "return error",
    "return False",
    "return Lowered(level)",
    "on_commit(error)",
    "on_commit(StorageError(str(error)))",
    "future.set_exception(error)",
    "self.refuse(batch)",
    "self._problem = str(error)",
    "self._available = False",
    "result = error",
    "if a:\n    raise\nelse:\n    return False",
    "sys.exit(74)",
]
PASSED_OVER = [
    "pass",
    "return",
    "return True",
    "return None",
    "return batch",
    "log.error('not stored', reason=error)",
    "metrics.store_failed(error)",
    "print(error)",
    "self.buffer.append(b)",
    "self.count += 1",
    "if a:\n    raise",
    "if a:\n    return True\nraise",
]


@pytest.mark.parametrize("body", CONSEQUENCES)
def test_what_a_failed_store_may_lead_to(tmp_path: Path, body: str) -> None:
    assert lines(went_on, tmp_path, handling(body)) == []


@pytest.mark.parametrize("body", PASSED_OVER)
def test_what_passes_over_a_failed_store(tmp_path: Path, body: str) -> None:
    assert lines(went_on, tmp_path, handling(body)) == [4]


@pytest.mark.parametrize(
    ("caught", "faults"),
    [
        ("StorageError", [4]),
        ("(KeyError, redis.RedisError)", [4]),
        ("sqlite3.Error", [4]),
        ("Exception", [4]),
        ("sqlite3.IntegrityError", []),
        ("(KeyError, ValueError)", []),
    ],
)
def test_only_errors_of_the_store_count(tmp_path: Path, caught: str, faults: list[int]) -> None:
    assert lines(went_on, tmp_path, handling("pass", caught=caught)) == faults


@pytest.mark.parametrize(
    ("body", "after", "faults"),
    [
        ("self.problem = error", "self.deliver(b)", [4]),
        ("self.report(error)", "peer.ack(b)", [4]),
        ("self.refuse(b)\nreturn", "self.deliver(b)", []),
        ("result = error", "self.deliver(b, result)", []),
        ("self.problem = error", "self.close()", []),
    ],
)
def test_nobody_is_told_after_a_failure(
    tmp_path: Path, body: str, after: str, faults: list[int]
) -> None:
    assert lines(went_on, tmp_path, handling(body, after)) == faults


@pytest.mark.parametrize(
    ("call", "faults"),
    [
        ("self.storage.append(b)", [1]),
        ("os.fsync(f)", [1]),
        ("redis.set(k, v)", [1]),
        ("self._connection.execute(q)", [1]),
        ("write_journal(b)", [1]),
        ("stored.append(b)", []),
        ("connection.write(b)", []),
        ("self.items.add(b)", []),
        ("storage.close()", []),
        ("(lambda: 1)()", []),
    ],
)
def test_which_calls_store(tmp_path: Path, call: str, faults: list[int]) -> None:
    assert lines(went_on, tmp_path, f"with suppress(OSError):\n    {call}\n") == faults


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("if not store.append(b):\n    log.error('x')", [1]),
        ("if not await_(store.append(b)):\n    pass", [1]),
        ("ok = store.append(b)\nif not ok:\n    print('x')", [2]),
        ("error = store.append(b)\nif error:\n    log.error('x', error)", [2]),
        ("if error := store.append(b):\n    log.error(error)", [1]),
        ("r = store.append(b)\nif isinstance(r, StorageError):\n    pass", [2]),
        ("error = store.append(b)\nif error:\n    refuse(b)", []),
        ("error = store.append(b)\nif not error:\n    log.info('stored')", []),
        ("if not store.append(b):\n    raise StorageError", []),
        ("ok = parse(b)\nif not ok:\n    log.info('x')", []),
        ("new = store.create(b)\nif new:\n    log.info('x')", []),
    ],
)
def test_an_answer_that_is_only_noted(tmp_path: Path, text: str, faults: list[int]) -> None:
    assert lines(went_on, tmp_path, text + "\n") == faults


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("create_task(store.append(b))", [1]),
        ("loop.create_task(store.append(b))", [1]),
        ("_ = create_task(store.append(b))", [1]),
        ("create_task(store.append(b)).add_done_callback(self.tasks.discard)", [1]),
        ("Thread(target=store.append).start()", [1]),
        ("executor.submit(store.append, b)", [1]),
        ("create_task(self.watch())", []),
        ("t = create_task(store.append(b))\nawait_(t)", []),
        ("self.t = create_task(store.append(b))", []),
        ("create_task(store.append(b)).add_done_callback(self.seen)", []),
        ("t = create_task(store.append(b))\nt.add_done_callback(lambda t: s.discard(t))", [1]),
        ("t = create_task(store.append(b))\nt.add_done_callback(lambda t: seen(t.result()))", []),
    ],
)
def test_an_outcome_that_nobody_sees(tmp_path: Path, text: str, faults: list[int]) -> None:
    assert lines(went_on, tmp_path, text + "\n") == faults


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("peer.ack(m)\nstore.append(m)", [1]),
        ("hub.fan_out(m)\nos.fsync(f)", [1]),
        ("peer.send({'type': 'ack'})\nstore.append(m)", [1]),
        ("store.append(m)\npeer.ack(m)\nstore.append(n)", []),
        ("if seen:\n    peer.ack(m)\nstore.append(m)", []),
        ("text = peer.ack_text(m)\nstore.append(m)", []),
        ("group.ack(m)\nstore.append(m)", []),
        ("try:\n    store.append(m)\nfinally:\n    peer.ack(m)", [4]),
        ("store.append(m, lambda _: peer.ack(m))", [1]),
        ("store.append(m, lambda outcome: peer.ack(outcome))", []),
        ("def done(outcome):\n    peer.ack(m)\nstore.append(m, done)", [2]),
        ("def done(outcome):\n    peer.ack(outcome)\nstore.append(m, on_commit=done)", []),
        ("gather(store.append(m), peer.ack(m))", [1]),
    ],
)
def test_nobody_is_told_before_the_commit(tmp_path: Path, text: str, faults: list[int]) -> None:
    assert lines(early_receipts, tmp_path, text + "\n") == faults


@pytest.mark.parametrize(
    ("name", "body", "faults"),
    [
        ("SqliteStore", "raise NotImplementedError", [3]),
        ("MemoryStorage", "raise NotImplementedError('groups')", [3]),
        ("Redis", "raise StorageError('this is not supported')", [3]),
        ("RedisStreams", "raise StorageError(f'{self} does not support groups')", [3]),
        ("Codec", "raise NotImplementedError", []),
        ("Redis", "raise StorageError('TLS is not supported there') from error", []),
        ("MemoryStorage", "raise StorageError('closed')", []),
        ("MemoryStorage", "return False", []),
    ],
)
def test_a_store_declares_what_it_can(
    tmp_path: Path, name: str, body: str, faults: list[int]
) -> None:
    text = f"class {name}:\n    def claim(self):\n        {body}\n"
    assert lines(late_abilities, tmp_path, text) == faults


SYNC = "        with open(path) as f:\n            os.fsync(f)\n"
PATHLIB = "        with path.open() as f:\n            os.fsync(f)\n"


@pytest.mark.parametrize(
    ("name", "body", "after", "faults"),
    [
        ("wipe", SYNC, "os.remove(path)", []),
        ("wipe", SYNC, "os.unlink(path)", []),
        ("wipe", PATHLIB, "path.unlink()", []),
        ("wipe", SYNC, "os.remove(other)", [5]),
        ("wipe", SYNC, "self.items.remove(path)", [5]),
        ("wipe", SYNC + "            self.store.append(b)\n", "os.remove(path)", [5]),
        ("write_temp", SYNC, "return", []),
        ("writeTempFile", SYNC, "name.replace(a, b)", []),
        ("write_temp", SYNC, "os.replace(path, last)", [5]),
        ("write_temp", SYNC, "path.replace(last)", [5]),
        ("write_temp", SYNC, "shutil.move(path, last)", [5]),
        ("attempt", SYNC, "return", [5]),
    ],
)
def test_a_file_that_is_not_meant_to_last(
    tmp_path: Path, name: str, body: str, after: str, faults: list[int]
) -> None:
    text = f"def {name}(path):\n    try:\n{body}    except OSError:\n        pass\n    {after}\n"
    shift = body.count("\n") - 2
    assert lines(went_on, tmp_path, text) == [line + shift for line in faults]
