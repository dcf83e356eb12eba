"""All pages of a project: what accounts for their blocks, and what came of running them."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks.build import source_files
from checks.docs.account import found, judge_blocks, match
from checks.docs.blocks import PARSED, blocks_of
from checks.docs.script import DONE, FAILED, is_run, write_script
from checks.model import CouldNotRun, Finding, GateOutput, Location, Scope, ToolRun
from checks.pages import missing_targets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from checks.docs.blocks import Block
    from checks.docs.policy import Demands, Entry
    from checks.docs.sandbox import Ended, Sandbox

COMMAND_FAILED = "docs.command-failed"
OUTPUT = "docs.output-differs"
LINK = "docs.link"

_TAIL = 400
_TOLD = 4  # what the trap tells of a command that failed


@dataclass(frozen=True, slots=True)
class _Page:
    """A page with its blocks, what the policy says of them, and where it is run."""

    name: str
    blocks: tuple[Block, ...]
    matched: Mapping[Block, Entry]
    place: Path

    def read(self, name: str) -> str:
        """Return an output of the run; empty when there is none."""
        file = self.place / "out" / name
        return file.read_text("utf-8", errors="replace") if file.is_file() else ""

    @property
    def to_run(self) -> dict[int, Block]:
        """The blocks that are run, by their number."""
        every = enumerate(self.blocks)
        return {number: one for number, one in every if is_run(one, self.matched.get(one))}

    @property
    def done(self) -> set[int]:
        """The numbers of the blocks that ran to their end."""
        return {int(one) for one in self.read(DONE).split()}


def pages_of(project: Path, demands: Demands) -> list[str]:
    """Return the pages that the policy's patterns name, in their order.

    Raises:
        CouldNotRun: a pattern names none.
    """
    every: dict[str, None] = {}
    for pattern in demands.pages:
        here = sorted(one.relative_to(project).as_posix() for one in project.glob(pattern))
        if not here:
            raise CouldNotRun(f"no page is named {pattern}")
        every.update(dict.fromkeys(here))
    return list(every)


def judge(project: Path, demands: Demands, sandbox: Sandbox, work: Path) -> GateOutput:
    """Account for all blocks, run those that are to be run, and follow all links."""
    names = pages_of(project, demands)
    blocks = [one for name in names for one in blocks_of(name, (project / name).read_text("utf-8"))]
    matched, findings = match(blocks, demands.block)
    findings += judge_blocks(blocks, matched)
    findings += [one for name in names for one in _links(project, name)]
    pages = [
        _Page(name, tuple(b for b in blocks if b.page == name), matched, work / str(number))
        for number, name in enumerate(names)
    ]
    longest = sorted(pages, key=lambda page: len(page.to_run), reverse=True)
    with ThreadPoolExecutor((os.cpu_count() or 1) + 1 if sandbox.alone else 1) as pool:
        ran = list(pool.map(lambda page: _run(page, sandbox), longest))
    scopes = (_pages_scope(project, demands, names), _blocks_scope(blocks, matched, pages))
    findings += [one for some, _ in ran for one in some]
    tools = tuple(run for _, run in ran if run is not None)
    return GateOutput(scopes, findings=tuple(findings), tools=tools)


def _links(project: Path, name: str) -> Iterator[Finding]:
    for line, target in missing_targets(project / name):
        message = f"the link to {target} leads nowhere"
        yield Finding(LINK, message, location=Location(name, line), snippet=target)


def _pages_scope(project: Path, demands: Demands, names: Sequence[str]) -> Scope:
    """Expect every Markdown file of the project: one that no pattern names is missed."""
    every = frozenset(one for one in source_files(project) if one.endswith(".md")) | {*names}
    skipped = {
        one: why
        for folder, why in demands.skip_pages.items()
        for one in every - {*names}
        if one.startswith(folder)
    }
    return Scope("pages", every, frozenset(names), skipped)


def _blocks_scope(
    blocks: Sequence[Block], matched: Mapping[Block, Entry], pages: Sequence[_Page]
) -> Scope:
    """Say of every block whether it was run or read; behind one that failed, none was."""
    left = {
        block.name
        for page in pages
        for number, block in page.to_run.items()
        if number > min(set(page.to_run) - page.done, default=number)
    }
    skipped = {one.name: entry.skip for one, entry in matched.items() if entry.skip}
    every = frozenset(one.name for one in blocks)
    return Scope("blocks", every, every - left - frozenset(skipped), skipped)


def _run(page: _Page, sandbox: Sandbox) -> tuple[list[Finding], ToolRun | None]:
    """Run one page, if it has anything to run."""
    if not page.to_run:
        return [], None
    page.place.mkdir(parents=True)
    script = write_script(page.blocks, page.matched, page.place / "blocks")
    began = time.monotonic()
    ended = sandbox.run(script, page.place)
    code = -1 if ended.exit_code is None else ended.exit_code
    version, duration = page.read("version").strip(), round(time.monotonic() - began, 3)
    run = ToolRun("bash", version, ("bash", page.name), code, duration)
    findings = [*_failure(page, ended, sandbox), *_outputs(page)]
    return findings, run


def _failure(page: _Page, ended: Ended, sandbox: Sandbox) -> Iterator[Finding]:
    """Yield the command at which a page ended too early."""
    undone = sorted(set(page.to_run) - page.done)
    if not undone and ended.exit_code == 0:
        return
    number = undone[0] if undone else max(page.to_run)
    block = page.to_run[number]
    line, what = _at(page, number, ended, sandbox)
    files = [f"{number}.{kind}.{sort}" for kind in ("before", "block") for sort in ("out", "said")]
    said = "\n".join(filter(None, [*map(page.read, files), ended.said]))
    told = " ".join(f"{what}: {said[-_TAIL:]}".split())
    yield found(COMMAND_FAILED, block, sandbox.portable(told, page.place), line)


def _at(page: _Page, number: int, ended: Ended, sandbox: Sandbox) -> tuple[int | None, str]:
    """Return the line of the page at which it ended, if that is known, and how."""
    if ended.exit_code is None:
        return None, f"it did not end within {sandbox.limit:g} s"
    told = page.read(FAILED).split(" ", 3)
    if len(told) != _TOLD:
        return None, f"the block ended the shell with {ended.exit_code}"
    code, file, line, command = told
    what = f"`{command.strip()}` exited {code}"
    if file == f"{number}.block.sh":
        # Of a file that is shown, the lines are those of what it is held against.
        return (None if page.blocks[number].language in PARSED else int(line)), what
    return None, f"what the policy runs before it failed, {what}" if ".before." in file else what


def _outputs(page: _Page) -> Iterator[Finding]:
    """Yield what blocks that ran to their end should have printed, in this order, and did not."""
    for number in sorted(page.done & set(page.to_run)):
        block = page.to_run[number]
        entry = page.matched.get(block)
        said = page.read(f"{number}.block.out") + page.read(f"{number}.block.said")
        position = 0
        for words in (*(entry.prints if entry else ()), *block.shown):
            position = said.find(words, position)
            if position < 0:
                yield found(OUTPUT, block, f"its output does not say {words!r} where it should")
                break
            position += len(words)
