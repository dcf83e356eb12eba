"""A pytest plugin that leaves evidence of a run: ``-p checks.suites.recorder --evidence FILE``.

Under pytest-xdist each worker tells what it collected and took out again, and the controller alone
writes. A run begins by removing the evidence of the one before, so that a killed one leaves none.
"""

from __future__ import annotations

import datetime as dt
import platform
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checks.model import CouldNotRun
from checks.suites import evidence as ev
from checks.suites.options import options_in_force
from checks.surroundings import commit_of

if TYPE_CHECKING:
    from collections.abc import Generator

_TOOLS = ("pytest", "pytest-xdist", "pytest-asyncio", "hypothesis")
_KEY = "evidence"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the one option that switches this on."""
    parser.addoption("--evidence", metavar="FILE", help="leave evidence of the run in this file")


def pytest_configure(config: pytest.Config) -> None:
    """Watch the collection where it happens, and the outcomes where they all arrive.

    Raises:
        pytest.UsageError: the project's files can't be listed.
    """
    target = config.getoption("evidence")
    if not target:
        return
    watch = Watch()
    config.pluginmanager.register(watch, "evidence-watch")
    if not hasattr(config, "workerinput"):
        file = config.rootpath / Path(target)
        file.unlink(missing_ok=True)
        config.pluginmanager.register(Recorder(config, file, watch), "evidence-recorder")


class Watch:
    """Notes what a process collects, and what is then taken out by whoever it may be."""

    def __init__(self) -> None:
        self.collected: dict[str, None] = {}
        self.dropped: tuple[str, ...] = ()
        self.lenient: dict[str, None] = {}

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Note a test as soon as it is found, before anybody can take it out."""
        self.collected[item.nodeid] = None
        if any(mark.kwargs.get("strict") is False for mark in item.iter_markers("xfail")):
            self.lenient[item.nodeid] = None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note what is missing from what will run."""
        kept = {item.nodeid for item in session.items}
        self.dropped = tuple(name for name in self.collected if name not in kept)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell the controller, if this is a worker."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[_KEY] = [list(self.collected), list(self.dropped), list(self.lenient)]

    def take(self, told: list[list[str]]) -> None:
        """Join what a worker tells with what is known; all workers collect the same."""
        collected, dropped, lenient = told
        self.collected |= dict.fromkeys(collected)
        self.dropped = tuple(dict.fromkeys([*self.dropped, *dropped]))
        self.lenient |= dict.fromkeys(lenient)


class Recorder:
    """Notes how every test ended, and writes the evidence at the end."""

    def __init__(self, config: pytest.Config, file: Path, watch: Watch) -> None:
        self._project = config.rootpath
        self._file = file
        self._watch = watch
        self._options = options_in_force(config)
        self._started, self._clock = dt.datetime.now(dt.UTC), time.monotonic()
        self._tests: dict[str, ev.Ended] = {}
        self._broken: dict[str, None] = {}
        self._commit = commit_of(self._project)
        self._began = self._digest()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that could not be collected, or asked not to be."""
        if report.failed:
            self._broken[report.nodeid] = None
        elif report.skipped:
            self._watch.collected[report.nodeid] = None
            self._tests[report.nodeid] = ev.Ended(ev.SKIPPED, _why_skipped(report))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test's outcome: the gravest of its reports, and none before it was called."""
        ended = _ended(report)
        if ended is None:
            return
        before = self._tests.get(report.nodeid)
        if before is None or _gravity(ended) > _gravity(before):
            self._tests[report.nodeid] = ended

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object, error: object) -> None:
        """Take over what a worker of pytest-xdist noted, or that it is lost."""
        told = getattr(node, "workeroutput", {}).get(_KEY)
        if told is None:
            self._broken[f"a worker process: {error or 'it said nothing'}"] = None
        else:
            self._watch.take(told)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Write when everybody else is done."""
        result = yield
        ev.write(self._file, self._evidence(int(session.exitstatus)))
        return result

    def _evidence(self, exit_status: int) -> ev.Evidence:
        watch, (commit, dirty) = self._watch, self._commit
        return ev.Evidence(
            schema=ev.SCHEMA,
            python=platform.python_version(),
            platform=sys.platform,
            tools={name: _version(name) for name in _TOOLS},
            tree=ev.Tree(commit, dirty, self._began, self._digest()),
            options=self._options,
            collected=tuple(watch.collected),
            dropped=watch.dropped,
            lenient=tuple(watch.lenient),
            broken=tuple(self._broken),
            tests=self._tests,
            started=self._started.isoformat(timespec="seconds"),
            duration=round(time.monotonic() - self._clock, 3),
            exit_status=exit_status,
        )

    def _digest(self) -> str:
        try:
            return ev.tree_digest(self._project)
        except CouldNotRun as error:
            raise pytest.UsageError(f"there can be no evidence: {error}") from error


def _ended(report: pytest.TestReport) -> ev.Ended | None:
    """Return what one phase of a test says of it; None when it says nothing yet."""
    expected = getattr(report, "wasxfail", None)
    if report.skipped:
        if expected is not None:
            return ev.Ended(ev.XFAILED, str(expected))
        return ev.Ended(ev.SKIPPED, _why_skipped(report))
    if report.failed:
        return ev.Ended(ev.FAILED if report.when == "call" else ev.ERROR)
    if report.when != "call":
        return None
    return ev.Ended(ev.PASSED) if expected is None else ev.Ended(ev.XPASSED, str(expected))


def _why_skipped(report: pytest.TestReport | pytest.CollectReport) -> str:
    said = report.longrepr
    text = said[2] if isinstance(said, tuple) else str(said)
    return text.removeprefix("Skipped: ")


def _gravity(ended: ev.Ended) -> int:
    return ev.GRAVITY.index(ended.outcome)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
