"""Every block is run, parsed or named in the policy, and the policy names nothing else."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import yaml

from checks.docs.blocks import CONSOLE, PARSED, PROMPT, RUN, SHOWN
from checks.model import Finding, Location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from checks.docs.blocks import Block
    from checks.docs.policy import Entry

UNACCOUNTED = "docs.unaccounted"
UNPARSEABLE = "docs.unparseable"
STALE = "docs.policy-stale"

_PARSERS: Mapping[str, Callable[[str], object]] = {
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
}


def match(
    blocks: Sequence[Block], entries: Sequence[Entry]
) -> tuple[dict[Block, Entry], list[Finding]]:
    """Return which entry speaks of which block, and a finding for each that speaks of no one."""
    matched: dict[Block, Entry] = {}
    findings = []
    for entry in entries:
        meant = [block for block in blocks if _meant(entry, block)]
        problem = _problem(entry, meant, matched)
        if problem:
            message = f"the entry for {entry.page}, {entry.begins!r}: {problem}"
            context = f"{entry.page} {entry.begins}"
            findings.append(Finding(STALE, message, snippet=entry.begins, context=context))
        else:
            matched[meant[0]] = entry
    return matched, findings


def _meant(entry: Entry, block: Block) -> bool:
    return block.page == entry.page and block.text.lstrip().startswith(entry.begins)


def _problem(entry: Entry, meant: Sequence[Block], taken: Mapping[Block, Entry]) -> str:
    if len(meant) != 1:
        return f"{len(meant)} blocks begin so"
    block = meant[0]
    if block in taken:
        return "another entry speaks of the same block"
    if block.language in SHOWN:
        return "its block is only shown"
    if block.language in RUN and entry.save:
        return "what is run is not saved"
    if block.language not in RUN and (entry.background or not (entry.skip or entry.save)):
        return "its block is not run"
    return ""


def judge_blocks(blocks: Sequence[Block], matched: Mapping[Block, Entry]) -> Iterator[Finding]:
    """Yield what nobody accounts for, and what can't be parsed."""
    for block in blocks:
        if block in matched and matched[block].skip:
            continue
        if why := _unaccounted(block):
            yield found(UNACCOUNTED, block, why)
        elif block.language in PARSED and (why := _unparseable(block)):
            yield found(UNPARSEABLE, block, why)


def found(rule: str, block: Block, message: str, line: int | None = None) -> Finding:
    """Return a finding about a block, at a line of the page or at the block's first."""
    lines = block.text.splitlines()
    at = block.line if line is None else line
    offset = at - block.line
    snippet = lines[offset] if 0 <= offset < len(lines) else block.first
    where = Location(block.page, at)
    return Finding(rule, message, location=where, snippet=snippet, context=block.first)


def _unaccounted(block: Block) -> str:
    if not block.language:
        return "the block names no language: `text` is for what is not run"
    if block.language not in RUN | PARSED | SHOWN:
        return f"nothing here can run or parse {block.language}: name the block in the policy"
    if block.language == CONSOLE and PROMPT not in {one[:2] for one in block.text.splitlines()}:
        return "the console shows no command: each begins with `$ `"
    return ""


def _unparseable(block: Block) -> str:
    try:
        _PARSERS[block.language](block.text)
    except (ValueError, yaml.YAMLError) as error:
        return f"this is no {block.language}: {' '.join(str(error).split())}"
    return ""
