"""Every page can be found, and what pages call a proof is there. The gate `docs` follows links."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {name for name, _ in LINK.findall((ROOT / "README.md").read_text("utf-8"))}
    assert {f"docs/{page.name}" for page in ROOT.glob("docs/*.md")} - linked == set()


def test_what_security_calls_a_proof_exists() -> None:
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    named = set(re.findall(r"\btest_\w+", text))
    assert named
    assert named - {file.stem for file in (ROOT / "tests").rglob("test_*.py")} == set()
