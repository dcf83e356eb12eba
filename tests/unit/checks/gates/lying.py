"""Trees for gates to look at, and tools that say what the test lets them say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from checks_support import make_context, make_project

from checks.runner import run_gate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from checks.context import Context
    from checks.gates.interface import Gate
    from checks.model import GateResult


def tool(path: Path, script: str) -> Path:
    """A command that runs `script` in a shell, whatever it is called with."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def saying(text: str, code: int = 0) -> str:
    """A script that writes `text` and ends with `code`."""
    return f"cat <<'END'\n{text}\nEND\nexit {code}"


def tree(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def project(tmp_path: Path, files: Mapping[str, str], policies: Mapping[str, str]) -> Context:
    """The context of a project `parcel` with `files` in it, judged by `policies` alone."""
    root = tree(make_project(tmp_path / "project"), files)
    context = make_context(root, tmp_path / "work")
    return replace(context, policies=tree(tmp_path / "policies", policies))


def judged(gate: Gate, context: Context, *shown: str) -> GateResult:
    """The runner's result where only the rules `shown` must have specimens."""
    others = [rule for rule in gate.rules if rule not in shown]
    return run_gate(gate, context, without_specimens=others)
