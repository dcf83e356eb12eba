"""A policy in a file, and an inspector that holds it."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry

from arqonbus.casil.inspection import Inspection
from arqonbus.casil.inspector import Inspector
from arqonbus.telemetry.metrics import Metrics

HEAD = 'schema = 1\nmode = "enforce"\n'
# Put together here, so that no scanner of repositories takes them for real ones.
AWS_KEY = "AKIA" + "IOSFODNN7EXAMPLE"
CARD = "4111" + "1111" * 3


def policy_file(folder: Path, rules: str, head: str = HEAD) -> Path:
    file = folder / "rules.toml"
    file.write_text(head + rules)
    return file


def inspector(folder: Path, rules: str, head: str = HEAD) -> Inspector:
    return Inspector(policy_file(folder, rules, head), Metrics(CollectorRegistry()))


def inspected(one: Inspector, payload: object, **parts: object) -> Inspection:
    found = one.inspect("room", "channel", {"payload": payload, **parts})
    assert found is not None
    return found
