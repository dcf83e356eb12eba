"""What this build is."""

import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution

from arqonbus.protocol import VERSION
from arqonbus.version import __version__


def about() -> dict[str, object]:
    """Version, protocol and, when it is known, the commit."""
    return {
        "name": "arqonbus",
        "version": __version__,
        "protocol": VERSION,
        "commit": commit_of(_direct_url),
    }


def commit_of(direct_url: Callable[[], str | None]) -> str | None:
    """The commit that the installer recorded (PEP 610), or None: it is never guessed."""
    text = direct_url()
    if text is None:
        return None
    try:
        record = json.loads(text)
    except ValueError:
        return None
    vcs = record.get("vcs_info") if isinstance(record, dict) else None
    commit = vcs.get("commit_id") if isinstance(vcs, dict) else None
    return commit if isinstance(commit, str) else None


def _direct_url() -> str | None:
    try:
        return distribution("arqonbus").read_text("direct_url.json")
    except PackageNotFoundError:  # run from a checkout: nothing was installed
        return None
