"""Runs detect-secrets over files named one by one, beside a canary that it must find.

It passes in silence over files that it can't open, over lock files and over lines that bear its own
comment: so what can't be read is told apart beforehand, and those filters are switched off.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from checks.model import CouldNotRun
from checks.process import run_tool, tool_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checks.model import ToolRun

_PROBE = Path(__file__).resolve().parents[1] / "probes" / "find_secrets.py"
# Put together here, so that this file holds none itself.
_CANARY = "key = '" + "AKIA" + "QYLPMN5HHHFPZAM2" + "'\n"


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that looks like a secret. `mark` tells it from others and gives nothing away."""

    path: str
    line: int
    kind: str
    mark: str


def readable(root: Path, files: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the files that hold text, and why the others can't be looked at."""
    texts: list[str] = []
    others: dict[str, str] = {}
    for name in files:
        try:
            (root / name).read_text("utf-8")
        except UnicodeDecodeError:
            others[name] = "it holds no text"
        except OSError as error:
            raise CouldNotRun(f"{name} can't be read: {error}") from error
        else:
            texts.append(name)
    return texts, others


def detect(root: Path, files: Sequence[str], work: Path) -> tuple[list[Seen], ToolRun]:
    """Look for secrets in files below `root`.

    Raises:
        CouldNotRun: detect-secrets gave no answer, or did not find its canary.
    """
    work.mkdir(parents=True, exist_ok=True)
    canary = work / "canary.txt"
    canary.write_text(_CANARY, "utf-8")
    wanted = work / "files.json"
    wanted.write_text(json.dumps([str(canary), *(str(root / name) for name in files)]), "utf-8")
    done = run_tool(
        "detect-secrets",
        [sys.executable, "-I", str(_PROBE), str(wanted)],
        cwd=work,
        root=_PROBE.parents[2],
        version=tool_version("detect-secrets"),
    )
    try:
        found = json.loads(done.stdout)
        seen = [_seen(root, *one) for one in found if one[0] != str(canary)]
    except (ValueError, TypeError) as error:
        raise CouldNotRun(f"detect-secrets gave no answer: {done.stderr[-300:]}") from error
    if done.exit_code != 0 or len(seen) == len(found):
        raise CouldNotRun("detect-secrets did not find its canary")
    return seen, done.run


def _seen(root: Path, path: str, line: int, kind: str, hashed: str) -> Seen:
    place = Path(path)
    name = place.relative_to(root).as_posix() if place.is_relative_to(root) else path
    return Seen(name, int(line), kind, _mark(name, hashed))


def _mark(path: str, hashed: str) -> str:
    """Hash the tool's own hash, with the path: a short secret can be guessed from its hash."""
    return hashlib.sha256(f"{path}\0{hashed}".encode()).hexdigest()[:12]
