"""Policies in WebAssembly: bounded in fuel, memory and time, given nothing, and failing closed."""

from __future__ import annotations

import importlib.util
import threading
from pathlib import Path

import pytest
import wasmtime
from support.payload_rules import HEAD, inspected, inspector, policy_file

from arqonbus.casil.document import PolicyProblem
from arqonbus.casil.inspection import INCOMPLETE, Incomplete, Verdict
from arqonbus.casil.policy import load
from arqonbus.casil.wasm import BLOCK, PASS, Bounds, Module, ModuleError, Watchdog

BOUNDS = Bounds(fuel=1_000_000, max_memory_bytes=1 << 20, timeout=30)


def wat(inspect: str, alloc: str = "i32.const 8", more: str = "", pages: int = 2) -> bytes:
    """A module whose `inspect` is skipped for the empty object of the trial at the start."""
    return f"""(module {more} (memory (export "memory") {pages})
      (func (export "alloc") (param $len i32) (result i32) {alloc})
      (func (export "inspect") (param $at i32) (param $len i32) (result i32)
        (if (i32.le_u (local.get $len) (i32.const 2)) (then (return (i32.const 0))))
        {inspect}))""".encode()


# Whether the message holds the byte of an exclamation mark.
LOOKS = """(loop $next
  (if (i32.eqz (local.get $len)) (then (return (i32.const 0))))
  (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 33)) (then (return (i32.const 1))))
  (local.set $at (i32.add (local.get $at) (i32.const 1)))
  (local.set $len (i32.sub (local.get $len) (i32.const 1)))
  (br $next)) unreachable"""
FOREVER = "(loop $again (br $again)) unreachable"
# Counts in a global: 0 the first time, 1 the second.
REMEMBERS = "global.get $n (global.set $n (i32.add (global.get $n) (i32.const 1)))"


def test_a_module_looks_at_the_whole_message() -> None:
    module = Module(wat(LOOKS), BOUNDS)
    assert module.inspect(b"hello") == PASS
    assert module.inspect(b"hello!") == BLOCK
    module.close()


def test_nothing_is_remembered_from_one_message_to_the_next() -> None:
    module = Module(wat(REMEMBERS, more="(global $n (mut i32) (i32.const 0))"), BOUNDS)
    assert [module.inspect(b"message") for _ in range(3)] == [PASS, PASS, PASS]
    module.close()


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (wat(FOREVER), "fuel"),
        (wat("unreachable"), "trap"),
        (wat("i32.const 3"), "no verdict"),
        (wat("i32.const -1"), "no verdict"),
        (wat("(i32.load (i32.const -4))"), "trap"),
        (wat("(i32.div_u (i32.const 1) (i32.const 0))"), "trap"),
        (wat("i32.const 0", alloc="(if (result i32) (i32.gt_u (local.get $len) (i32.const 2)) "
             "(then (i32.const -8)) (else (i32.const 8)))"), "outside of its memory"),
        # Memory that is refused is -1 to the module, which then runs out of what it has.
        (wat("(drop (memory.grow (i32.const 1000))) (i32.load (i32.const 1000000))"), "trap"),
    ],
)  # fmt: skip
def test_what_comes_to_no_answer(module: bytes, why: str) -> None:
    made = Module(module, BOUNDS)
    with pytest.raises(Incomplete, match=why):
        made.inspect(b"message")
    # It is as good as new for the next one.
    assert made.inspect(b"{}") == PASS
    made.close()


def test_what_takes_too_long_is_ended() -> None:
    made = Module(wat(FOREVER), Bounds(fuel=10**15, max_memory_bytes=1 << 20, timeout=0.01))
    with pytest.raises(Incomplete, match="too long"):
        made.inspect(b"message")
    made.close()


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (b"\0asm\1\0\0\0", "memory"),
        (b"junk", "is no module"),
        (b"", "is no module"),
        (wat("i32.const 0", more='(import "env" "f" (func))'), "imports something"),
        (
            wat(
                "i32.const 0",
                more='(import "wasi_snapshot_preview1" "random_get" '
                "(func (param i32 i32) (result i32)))",
            ),
            "imports something",
        ),
        (b'(module (memory (export "memory") 1))', "does not export alloc"),
        (
            b'(module (memory (export "memory") 1) (func (export "alloc") (param i64) '
            b"(result i32) i32.const 0))",
            "does not export alloc",
        ),
        (wat("i32.const 0", pages=1000), "fails on an empty object: needs more memory"),
        (wat("i32.const 0", more="(func $s unreachable) (start $s)"), "ended in a trap"),
        (wat("i32.const 0", more="(func $s (loop $l (br $l))) (start $s)"), "used up its fuel"),
    ],
)
def test_modules_that_are_refused(module: bytes, why: str) -> None:
    with pytest.raises(ModuleError, match=why):
        Module(module, BOUNDS)


def test_the_watchdog_ends_nothing_that_is_over() -> None:
    engine = wasmtime.Engine()
    dog = Watchdog(engine)
    dog.start(60)
    dog.stop()
    dog.start(60)
    dog.close()


def watching() -> int:
    return sum(thread.name == "casil" for thread in threading.enumerate())


def wasm(folder: Path, module: bytes, more: str = "") -> str:
    (folder / "m.wat").write_bytes(module)
    return f'[[wasm]]\nid = "judge"\nfile = "m.wat"\ntimeout = 1\n{more}'


def test_a_module_of_a_policy(tmp_path: Path) -> None:
    rules = inspector(tmp_path, wasm(tmp_path, wat(LOOKS)))
    assert inspected(rules, "hello").verdict is Verdict.PASS
    found = inspected(rules, "hello!")
    assert found.refusal().message == "judge: wasm"


def test_a_module_is_let_go_with_its_policy(tmp_path: Path) -> None:
    before = watching()
    rules = inspector(tmp_path, wasm(tmp_path, wat(LOOKS)))
    rules.prepare().drop()
    rules.prepare()()
    assert inspected(rules, "hello!").verdict is Verdict.BLOCK
    assert watching() == before + 1
    policy_file(tmp_path, "")
    rules.prepare()()
    assert watching() == before


def test_a_module_that_may_only_note(tmp_path: Path) -> None:
    rules = inspector(tmp_path, wasm(tmp_path, wat(LOOKS), 'action = "note"\n'))
    assert inspected(rules, "hello!").verdict is Verdict.NOTE


@pytest.mark.parametrize(
    ("head", "verdict"),
    [(HEAD, Verdict.BLOCK), ('schema = 1\nmode = "monitor"\n', Verdict.NOTE)],
)
def test_a_module_that_fails_fails_closed(tmp_path: Path, head: str, verdict: Verdict) -> None:
    rules = inspector(tmp_path, wasm(tmp_path, wat(FOREVER), 'action = "note"\n'), head)
    found = inspected(rules, "hello")
    assert (found.verdict, found.rules) == (verdict, ("judge", INCOMPLETE))
    assert found.refusal().message.endswith("judge used up its fuel")


def test_without_the_extra_the_policy_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(PolicyProblem, match=r"pip install 'arqonbus\[wasm\]'"):
        load(policy_file(tmp_path, wasm(tmp_path, wat(LOOKS))))
