"""The rules on the syntax tree: where they bite, where they don't, and what they say."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from checks.model import Finding
from checks.rules.fallback import fallbacks
from checks.rules.handlers import survey
from checks.rules.source import SYNTAX_ERROR, Source, parse
from checks.rules.swallowed import RULE, UNCOUNTED, UNTRACED, swallowed


def read(folder: Path, text: str, name: str = "a.py") -> Source:
    (folder / name).write_text(dedent(text), "utf-8")
    source = parse(folder / name, name)
    assert isinstance(source, Source)
    return source


def lines(folder: Path, text: str) -> list[int | None]:
    source = read(folder, text)
    return [f.location.line for f in swallowed(source, survey([source])) if f.location]


def test_a_syntax_error_is_a_finding_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\ndef f(:\n", "utf-8")
    found = parse(tmp_path / "a.py", "src/a.py")
    assert isinstance(found, Finding)
    assert found.rule == SYNTAX_ERROR
    assert found.location is not None
    assert (found.location.path, found.location.line) == ("src/a.py", 2)
    assert found.snippet == "def f(:"


@pytest.mark.parametrize("raw", [b"x = '\0'\n", b"\xff\xfe = 1\n"])
def test_a_file_that_is_no_text_is_a_finding(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "a.py").write_bytes(raw)
    assert isinstance(parse(tmp_path / "a.py", "a.py"), Finding)


def test_a_finding_names_function_and_evidence_and_outlives_moved_lines(tmp_path: Path) -> None:
    text = """
        class Peer:
            def close(self):
                try:
                    self.end()
                except:
                    pass
        """
    (one,) = swallowed(read(tmp_path, text), survey([]))
    (moved,) = swallowed(read(tmp_path, "import os\n" + dedent(text)), survey([]))
    assert (one.context, one.snippet) == ("Peer.close", "except:")
    assert one.location != moved.location
    assert one.fingerprint == moved.fingerprint


HANDLED = [
    "raise",
    "raise ValueError from error",
    "log.exception('x'); metrics.failed()",
    "log.error('x', exc_info=True); counter.inc()",
    "log.error('x', exc_info=error); self._count_failure()",
    "future.set_exception(error)",
    "loop.call_soon_threadsafe(future.set_exception, error)",
    "tell(error)",
    "return None, error",
    "raise_from_group(error)",
    "sys.exit(1)",
]
SWALLOWED = [
    "pass",
    "...",
    "return None",
    "log.error('x'); metrics.failed()",
    "log.error('x', exc_info=False); metrics.failed()",
    "log.exception('x')",
    "log.exception('x', exc_info=None); metrics.failed()",
    "why = task.exception(); metrics.failed()",
    "log.debug('x', exc_info=True); metrics.failed()",
    "return str(error)",
    "return error.args",
    "self.reason = error",
    "note(repr(error)); metrics.failed()",
    "sys.exit(0)",
    "future.set_exception(ValueError())",
    "lambda: log.exception('x')",
    "failure = error",
]


@pytest.mark.parametrize("body", HANDLED)
def test_what_a_broad_handler_may_do(tmp_path: Path, body: str) -> None:
    text = f"def f():\n    try:\n        g()\n    except Exception as error:\n        {body}\n"
    assert lines(tmp_path, text) == []


@pytest.mark.parametrize("body", SWALLOWED)
def test_what_a_broad_handler_may_not_do(tmp_path: Path, body: str) -> None:
    text = f"def f():\n    try:\n        g()\n    except Exception as error:\n        {body}\n"
    assert lines(tmp_path, text) == [4]


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("log.error('x: %s', error); metrics.failed()", UNTRACED),
        ("log.warning(f'x: {error}')", UNTRACED),
        ("log.info('x: %s', error); metrics.failed()", RULE),
        ("log.error('x'); metrics.failed()", RULE),
        ("log.exception('x')", UNCOUNTED),
    ],
)
def test_how_much_a_handler_says_decides_which_rule_speaks(
    tmp_path: Path, body: str, rule: str
) -> None:
    text = f"def f():\n    try:\n        g()\n    except Exception as error:\n        {body}\n"
    assert [one.rule for one in swallowed(read(tmp_path, text), survey([]))] == [rule]


@pytest.mark.parametrize(
    "caught", ["Exception", "builtins.Exception", "(OSError, Exception)", "BaseExceptionGroup"]
)
def test_all_spellings_of_everything_are_broad(tmp_path: Path, caught: str) -> None:
    text = f"try:\n    g()\nexcept {caught}:\n    pass\n"
    assert lines(tmp_path, text) == [3]


def test_logging_is_not_enough_for_what_also_stops_cancellation(tmp_path: Path) -> None:
    text = """\
        try:
            g()
        except BaseException:
            log.exception("x")
            metrics.failed()
        """
    assert lines(tmp_path, text) == [3]


@pytest.mark.parametrize(
    ("first", "faults"),
    [
        ("if a:\n            raise", [4]),
        ("if a:\n            return\n        raise", [4]),
        ("for one in a:\n            raise", [4]),
        ("if a:\n            raise\n        else:\n            raise ValueError", []),
        ("match a:\n            case 1:\n                raise", [4]),
        ("match a:\n            case 1:\n                raise\n            case _:\n"
         "                raise", []),
        ("with a:\n            raise", []),
    ],
)  # fmt: skip
def test_every_path_counts(tmp_path: Path, first: str, faults: list[int]) -> None:
    text = f"def f(a):\n    try:\n        g()\n    except Exception:\n        {first}\n"
    assert lines(tmp_path, text) == faults


def test_a_delegate_must_be_one_that_reports(tmp_path: Path) -> None:
    session = read(
        tmp_path,
        """\
        class Session:
            def failed(self):
                log.error("x", exc_info=True)
                metrics.internal_error()
        class Subscription:
            def failed(self):
                return False
        """,
        "session.py",
    )
    user = read(
        tmp_path,
        """\
        def one(session):
            try:
                g()
            except Exception:
                session.failed()
        def other(subscription):
            try:
                g()
            except Exception:
                subscription.failed()
        def unknown(thing):
            try:
                g()
            except Exception:
                thing.failed()
        """,
    )
    found = [f.location.line for f in swallowed(user, survey([session, user])) if f.location]
    assert found == [9, 14]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("for a in b:\n    try:\n        g()\n    finally:\n        continue\n", [5]),
        ("try:\n    g()\nfinally:\n    for a in b:\n        break\n", []),
        ("await_ = gather(a, return_exceptions=True)\n", [1]),
        ("rest = gather(a, return_exceptions=True)\nprint(rest)\n", []),
        ("self.rest = gather(a, return_exceptions=True)\n", []),
        ("gather(a, return_exceptions=False)\n", []),
        ("def __exit__(self, kind, *rest):\n    if kind is OSError:\n        return True\n", []),
    ],
)
def test_other_ways_to_lose_an_exception(tmp_path: Path, text: str, faults: list[int]) -> None:
    assert lines(tmp_path, text) == faults


def test_memory_after_a_failed_store_is_a_finding_at_its_line(tmp_path: Path) -> None:
    text = """\
        def start(self):
            try:
                self.client = redis.connect()
            except OSError:
                log.warning("no redis")
                self.store = MemoryStorage()
        """
    (found,) = fallbacks(read(tmp_path, text))
    assert found.location is not None
    assert (found.location.line, found.context) == (6, "start")


def test_memory_is_no_fallback_where_some_path_refuses(tmp_path: Path) -> None:
    text = """\
        def start(self):
            try:
                self.client = redis.connect()
            except OSError:
                if self.strict:
                    raise
                self.store = MemoryStorage()
        """
    assert list(fallbacks(read(tmp_path, text))) == []
