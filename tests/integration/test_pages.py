"""What the pages point at is there: other pages, their sections, tests, commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checks.pages import missing_targets

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert list(missing_targets(page)) == []


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {name for name, _ in LINK.findall((ROOT / "README.md").read_text("utf-8"))}
    assert {f"docs/{page.name}" for page in ROOT.glob("docs/*.md")} - linked == set()


def test_what_security_calls_a_proof_exists() -> None:
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    named = set(re.findall(r"\btest_\w+", text))
    assert named
    assert named - {file.stem for file in (ROOT / "tests").rglob("test_*.py")} == set()
