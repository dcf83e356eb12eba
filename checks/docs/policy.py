"""What policies/docs.toml says of the pages: what they need, and the blocks that need more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from checks.policyfile import read_policy, refuse

if TYPE_CHECKING:
    from pathlib import Path

FILE = "docs.toml"


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one block needs; it is known by its page and by how it begins.

    `skip` is the reason why it is neither run nor parsed. `before` is run first: what the page
    presupposes. `background` is what the last command says when it serves; the page then goes on.
    `prints` must be in the output. `save` is the file that a reader makes of the block, and `then`
    the command that it, or several of them, are held against.
    """

    page: str
    begins: str
    skip: str = ""
    before: str = ""
    background: str = ""
    prints: tuple[str, ...] = ()
    save: str = ""
    then: str = ""


class Demands(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole policy.

    `pages` are patterns of files, `skip_pages` folders whose pages are no documentation, each with
    its reason, `tools` the commands of this system that pages use, `modules` what their clients
    import beside the project, `ports` those they name.
    """

    schema: int
    pages: tuple[str, ...]
    skip_pages: dict[str, str] = {}
    tools: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    block: tuple[Entry, ...] = ()


def read_demands(path: Path) -> Demands:
    """Read the policy.

    Raises:
        PolicyError: it is malformed, or an entry contradicts itself.
    """
    demands = read_policy(path, Demands)
    problems = [] if demands.schema == 1 else ["schema must be 1"]
    problems += [
        f"{one.page} {one.begins!r}: {why}" for one in demands.block if (why := _contradiction(one))
    ]
    refuse(path.name, problems)
    return demands


def _contradiction(entry: Entry) -> str:
    more = (entry.before, entry.background, entry.prints, entry.save, entry.then)
    if not entry.begins.strip():
        return "`begins` is empty, which is how every block begins"
    if not (entry.skip or any(more)):
        return "it asks for nothing: such a block is run as it is"
    if entry.skip and any(more):
        return "what is skipped needs nothing else"
    if entry.then and not entry.save:
        return "`then` is about a file, which `save` names"
    return ""
