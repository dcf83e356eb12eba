"""The blocks of a Markdown page, as its readers see them: fenced, indented or in HTML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

SHELL = frozenset({"sh", "shell", "bash"})
CONSOLE = "console"
PYTHON = "python"
PARSED = frozenset({"json", "toml", "yaml"})
SHOWN = frozenset({"text"})
RUN = SHELL | {CONSOLE, PYTHON}
PROMPT = "$ "


@dataclass(frozen=True, slots=True)
class Block:
    """One block: `line` is the page's line, from 1, on which its text begins."""

    page: str
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"{self.page}:{self.line}"

    @property
    def first(self) -> str:
        """Its first line, by which it is known when the page around it changes."""
        return next((line for line in self.text.splitlines() if line.strip()), "")

    @property
    def commands(self) -> str:
        """What a reader types, on the lines on which it is written."""
        if self.language != CONSOLE:
            return self.text
        lines = self.text.splitlines()
        return "\n".join(
            one.removeprefix(PROMPT) if one.startswith(PROMPT) else "" for one in lines
        )

    @property
    def shown(self) -> list[str]:
        """The output that a console's block shows."""
        lines = self.text.splitlines() if self.language == CONSOLE else []
        return [one for one in lines if one.strip() and not one.startswith(PROMPT)]


def blocks_of(page: str, text: str) -> Iterator[Block]:
    """Yield a page's blocks in their order."""
    for token in MarkdownIt("commonmark").parse(text):
        if token.map is None:
            continue
        first = token.map[0] + 1
        if token.type == "fence":
            yield Block(page, first + 1, _language(token), token.content)
        elif token.type == "code_block" or (token.type == "html_block" and "<pre" in token.content):
            yield Block(page, first, "", token.content)


def _language(token: Token) -> str:
    return next(iter(token.info.lower().split()), "")
