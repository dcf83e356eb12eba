"""Policies in WebAssembly (extra ``wasm``): fuel, memory and time are bounded, nothing is given.

A module imports nothing: no WASI, no function of the host, so it has no clock, file or network.
Each message gets an instance of its own, so nothing is remembered from one message to the next.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Final

import wasmtime

from arqonbus.casil.inspection import Incomplete

PASS: Final = 0
BLOCK: Final = 1
NOTE: Final = 2
MAX_MODULE_BYTES: Final = 16 * 1024 * 1024
# Nobody waits for the trial when a policy is read, and a machine that starts things is busy.
TRIAL_SECONDS: Final = 5.0
MAX_STACK_BYTES: Final = 256 * 1024
MAX_TABLE_ELEMENTS: Final = 10_000
_SIGNATURES: Final = {"alloc": 1, "inspect": 2}


class ModuleError(ValueError):
    """A module that can't be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one inspection may take: `timeout` in seconds."""

    fuel: int
    max_memory_bytes: int
    timeout: float


class Watchdog:
    """Ends what runs too long, from a thread that sleeps while there is nothing to end."""

    def __init__(self, engine: wasmtime.Engine) -> None:
        self._engine = engine
        self._changed = threading.Condition()
        self._deadline: float | None = None
        self._asleep = False
        self._closed = False
        self._thread: threading.Thread | None = None

    def start(self, timeout: float) -> None:
        """What runs from now on is ended after `timeout`, unless `stop` is called before."""
        with self._changed:
            self._deadline = time.monotonic() + timeout
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="casil", daemon=True)
                self._thread.start()
            elif self._asleep:
                self._changed.notify()

    def stop(self) -> None:
        """It is over."""
        # No wake-up: the thread finds out when it would have ended it.
        with self._changed:
            self._deadline = None

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        with self._changed:
            while not self._closed:
                left = None if self._deadline is None else self._deadline - time.monotonic()
                if left is not None and left <= 0:
                    self._deadline = None
                    self._engine.increment_epoch()
                    continue
                self._asleep = left is None
                self._changed.wait(left)
                self._asleep = False


class Module:
    """A compiled module and what it may take."""

    def __init__(self, content: bytes, bounds: Bounds) -> None:
        """Compile it.

        Raises:
            ModuleError: it is no module, imports something, or lacks an export.
        """
        self._bounds = bounds
        self._engine = wasmtime.Engine(_config())
        try:
            self._module = wasmtime.Module(self._engine, content)
        except wasmtime.WasmtimeError as error:
            raise ModuleError(f"is no module: {str(error).splitlines()[0]}") from None
        _check(self._module)
        self._watchdog = Watchdog(self._engine)
        # One message before the first real one: a module that can't even begin never passes.
        try:
            self._bounded(b"{}", TRIAL_SECONDS)
        except Incomplete as failure:
            self.close()
            raise ModuleError(f"fails on an empty object: {failure}") from None

    def inspect(self, message: bytes) -> int:
        """The module's verdict on a message: PASS, BLOCK or NOTE.

        Raises:
            Incomplete: it came to none: trap, fuel, memory, time, or an answer that is none.
        """
        return self._bounded(message, self._bounds.timeout)

    def _bounded(self, message: bytes, timeout: float) -> int:
        self._watchdog.start(timeout)
        try:
            verdict = self._run(message)
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            raise Incomplete(_reason(error)) from None
        except IndexError:
            raise Incomplete("alloc gave a place outside of its memory") from None
        finally:
            self._watchdog.stop()
        if verdict not in {PASS, BLOCK, NOTE}:
            raise Incomplete("answered with no verdict")
        return verdict

    def close(self) -> None:
        """Nothing is inspected any more."""
        self._watchdog.close()

    def _run(self, message: bytes) -> int:
        store = wasmtime.Store(self._engine)
        store.set_limits(
            memory_size=self._bounds.max_memory_bytes,
            table_elements=MAX_TABLE_ELEMENTS,
            instances=1,
            tables=4,
            memories=1,
        )
        store.set_fuel(self._bounds.fuel)
        store.set_epoch_deadline(1)
        exports = wasmtime.Instance(store, self._module, []).exports(store)
        memory, alloc, inspect = (exports[name] for name in ("memory", "alloc", "inspect"))
        if not (
            isinstance(memory, wasmtime.Memory)
            and isinstance(alloc, wasmtime.Func)
            and isinstance(inspect, wasmtime.Func)
        ):
            raise Incomplete("its exports changed")
        # WebAssembly's i32 has no sign; wasmtime gives one.
        at = int(alloc(store, len(message))) & 0xFFFFFFFF
        if at + len(message) > memory.data_len(store):
            raise Incomplete("alloc gave a place outside of its memory")
        memory.write(store, message, at)
        return int(inspect(store, at, len(message)))


def _config() -> wasmtime.Config:
    config = wasmtime.Config()
    config.consume_fuel = True
    config.epoch_interruption = True
    config.max_wasm_stack = MAX_STACK_BYTES
    config.wasm_threads = False
    config.wasm_memory64 = False
    config.wasm_multi_memory = False
    # The same message always gets the same verdict.
    config.cranelift_nan_canonicalization = True
    config.wasm_relaxed_simd = False
    return config


def _check(module: wasmtime.Module) -> None:
    if module.imports:
        raise ModuleError("imports something: a policy is given nothing")
    exports = {export.name: export.type for export in module.exports}
    if not isinstance(exports.get("memory"), wasmtime.MemoryType):
        raise ModuleError("does not export its memory as `memory`")
    for name, parameters in _SIGNATURES.items():
        kind = exports.get(name)
        fits = (
            isinstance(kind, wasmtime.FuncType)
            and [str(each) for each in kind.params] == ["i32"] * parameters
            and [str(each) for each in kind.results] == ["i32"]
        )
        if not fits:
            raise ModuleError(f"does not export {name} with {parameters} i32 and an i32 as result")


def _reason(error: Exception) -> str:
    """Why a run ended, in words of our own: a trap's text may hold names from the module."""
    text = str(error)
    if "all fuel consumed" in text:
        return "used up its fuel"
    if isinstance(error, wasmtime.Trap) and error.trap_code is wasmtime.TrapCode.INTERRUPT:
        return "took too long"
    if "memory" in text and "limit" in text:
        return "needs more memory than it may have"
    return "ended in a trap"
