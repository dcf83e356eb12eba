"""The README is there, renders as the index would render it, and its links lead somewhere."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from readme_renderer import markdown, rst

from checks.metadata.said import wrong
from checks.model import CouldNotRun, Finding, Location
from checks.pages import missing_targets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.metadata.said import Said

README = "metadata.readme"
_MARKDOWN, _RST = "text/markdown", "text/x-rst"
_TYPES = {".md": _MARKDOWN, ".rst": _RST}


def readme(said: Said) -> Iterator[Finding]:
    """Render the README as the index does, and follow its links to files and sections.

    Raises:
        CouldNotRun: there is nothing to render it with.
    """
    value = said.head.get("readme")
    if isinstance(value, dict) and "text" in value:
        kind = str(value.get("content-type", ""))
        yield from _rendered("pyproject.toml", str(value["text"]), kind)
        return
    name = value.get("file") if isinstance(value, dict) else value
    if name is None:
        return  # the build decides; the wheel's description is twine's to judge
    path = said.folder / str(name)
    if not path.is_file():
        yield wrong(README, f"the README {name} is not there")
        return
    kind = _TYPES.get(path.suffix.lower(), "")
    if isinstance(value, dict):
        kind = str(value.get("content-type", kind))
    yield from _rendered(str(name), path.read_text("utf-8"), kind)
    for line, target in missing_targets(path) if path.suffix == ".md" else ():
        text = f"{name} points at {target}, which is not there"
        yield Finding(README, text, Location(str(name), line), snippet=target, context=target)


def _rendered(name: str, text: str, kind: str) -> Iterator[Finding]:
    """Yield why a text does not render; what is neither form is shown as it is."""
    base = kind.partition(";")[0].strip().lower()
    if base == _MARKDOWN and not markdown.variants:
        raise CouldNotRun("no renderer of Markdown is installed")
    told = io.StringIO()
    if base == _RST:
        shown = rst.render(text, stream=told)
    else:
        shown = markdown.render(text) if base == _MARKDOWN else text
    if not (shown or "").strip():
        why = " ".join(told.getvalue().split()) or "it is empty"
        yield wrong(README, f"{name} renders to nothing: {why}", name)
