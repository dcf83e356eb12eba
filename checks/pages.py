"""Markdown pages: their links to other files and sections, outside of code blocks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LINK = re.compile(r"\[[^\]]*\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]*))?\)")
_FENCE = re.compile(r"^(```|~~~)")


def missing_targets(page: Path) -> Iterator[tuple[int, str]]:
    """Yield line and target of each relative link that leads nowhere."""
    for line, text in _prose(page):
        for name, anchor in _LINK.findall(text):
            target = page.parent / name if name else page
            if not target.exists():
                yield line, name
            elif anchor and target.suffix == ".md" and anchor not in anchors(target):
                yield line, f"{name}#{anchor}"


def anchors(page: Path) -> set[str]:
    """Return what a page's sections are linked by, as the usual renderers name them."""
    titles = (text.lstrip("#").strip() for _, text in _prose(page) if re.match(r"#+ ", text))
    return {re.sub(r"[^\w\- ]", "", one.lower()).strip().replace(" ", "-") for one in titles}


def _prose(page: Path) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines outside of code blocks."""
    inside = False
    for number, text in enumerate(page.read_text("utf-8").splitlines(), 1):
        if _FENCE.match(text):
            inside = not inside
        elif not inside:
            yield number, text
