"""The HTML report, as a real browser shows and prints it."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import pypdf
import pytest
from browser.reports import HIDDEN, full_report
from support.chromium import find_browser, tab

from checks.reporting.html import render_html

if TYPE_CHECKING:
    from pathlib import Path

    from support.chromium import Tab

DESKTOP, NARROW = 1280, 360
EVERY_SIZE = pytest.mark.parametrize("width", [DESKTOP, NARROW], ids=["desktop", "narrow"])
EVERY_SCHEME = pytest.mark.parametrize("scheme", ["light", "dark"])


@pytest.fixture
def report(tmp_path: Path) -> Path:
    file = tmp_path / "report.html"
    file.write_text(render_html(full_report()))
    return file


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    return tmp_path / "profile"


def visible(page: Tab, selector: str) -> int:
    """How many elements take up room."""
    found = f"[...document.querySelectorAll({selector!r})]"
    return int(page.evaluate(f"{found}.filter(one => one.getClientRects().length).length"))


def colour(page: Tab, selector: str, what: str) -> tuple[int, ...]:
    value = page.evaluate(f"getComputedStyle(document.querySelector({selector!r})).{what}")
    return tuple(int(part) for part in re.findall(r"\d+", value)[:3])


def key(page: Tab, name: str, code: int, text: str = "") -> None:
    for kind in ("keyDown", "keyUp"):
        page.ask(
            "Input.dispatchKeyEvent", type=kind, key=name, windowsVirtualKeyCode=code, text=text
        )


def text_of(pdf: bytes) -> list[str]:
    """Each printed page's text, in which line breaks are spaces."""
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return [" ".join(one.extract_text().split()) for one in pages]


@EVERY_SCHEME
@EVERY_SIZE
def test_the_verdict_is_seen_first_and_nothing_is_wider_than_the_window(
    report: Path, profile: Path, width: int, scheme: str
) -> None:
    with tab(report, profile, width=width, scheme=scheme) as page:
        line = page.evaluate("document.querySelector('.verdict .line').innerText")
        bottom = page.evaluate(
            "document.querySelector('.verdict .line').getBoundingClientRect().bottom"
        )
        words = page.evaluate("document.body.innerText")
        room = page.evaluate("document.documentElement.clientWidth")
        needed = page.evaluate("document.documentElement.scrollWidth")
        burst = page.evaluate(
            "[...document.querySelectorAll('main *:not(.wide *)')]"
            f".filter(one => one.getBoundingClientRect().right > {room} + 1)"
            ".map(one => one.outerHTML.slice(0, 200))"
        )
    assert line == full_report().line
    assert bottom < 900
    assert words.index(line) < words.index("What this verdict does not cover")
    assert words.index("What this verdict does not cover") < words.index("Findings, by severity")
    assert needed <= room <= width
    assert burst == []


@EVERY_SIZE
def test_titles_and_names_have_room(report: Path, profile: Path, width: int) -> None:
    with tab(report, profile, width=width) as page:
        share = page.evaluate(
            "Math.min(...[...document.querySelectorAll('details.card > summary')].map(one =>"
            " one.querySelector('.grow').offsetWidth / one.offsetWidth))"
        )
        names = page.evaluate(
            "document.querySelectorAll('details').forEach(one => one.open = true),"
            "Math.min(...[...document.querySelectorAll('.wide .mono')].map(one => one.offsetWidth))"
        )
    assert share > 0.6
    assert names > 200


def test_light_and_dark_are_told_apart(report: Path, profile: Path, tmp_path: Path) -> None:
    with tab(report, profile, scheme="light") as page:
        light = colour(page, "body", "backgroundColor"), colour(page, "body", "color")
    with tab(report, tmp_path / "other", scheme="dark") as page:
        dark = colour(page, "body", "backgroundColor"), colour(page, "body", "color")
    assert sum(light[0]) - sum(light[1]) > 400
    assert sum(dark[1]) - sum(dark[0]) > 400


def test_it_asks_nothing_of_the_network_and_breaks_no_rule_of_its_own(
    report: Path, profile: Path
) -> None:
    with tab(report, profile) as page:
        page.picture()
        asked = [one["request"]["url"] for one in page.told("Network.requestWillBeSent")]
        complaints = page.told("Log.entryAdded")
    assert asked == [report.as_uri()]
    assert complaints == []


@pytest.mark.parametrize(
    ("box", "row"), [("s-passed", ".row.passed"), ("v-critical", ".row.critical")]
)
def test_an_unchecked_box_hides_its_rows_on_the_screen_and_not_on_paper(
    report: Path, profile: Path, box: str, row: str
) -> None:
    with tab(report, profile) as page:
        before, others = visible(page, row), visible(page, f".row:not({row})")
        page.evaluate(f"document.getElementById('{box}').click()")
        after, still = visible(page, row), visible(page, f".row:not({row})")
        printed = " ".join(text_of(page.pdf()))
    assert (before > 0, after, still) == (True, 0, others)
    assert all(f"DEMO-{n}" in printed for n in range(1, 26))


def test_the_keyboard_reaches_the_findings_and_opens_a_control(report: Path, profile: Path) -> None:
    with tab(report, profile) as page:
        key(page, "Tab", 9)
        first = page.evaluate("document.activeElement.className")
        shown = page.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
        key(page, "Enter", 13, "\r")
        gone_to = page.evaluate("location.hash")
        page.evaluate("document.querySelector('details.card:not([open]) > summary').focus()")
        opened = visible(page, "details.card[open]")
        key(page, "Enter", 13, "\r")
        more = visible(page, "details.card[open]")
    assert (first, shown, gone_to) == ("skip", True, "#findings")
    assert more == opened + 1


def test_a_screen_reader_is_told_headings_regions_and_names(report: Path, profile: Path) -> None:
    with tab(report, profile) as page:
        nodes: list[dict[str, Any]] = page.ask("Accessibility.getFullAXTree")["nodes"]
    told = [
        (node["role"]["value"], node["name"]["value"])
        for node in nodes
        if not node["ignored"] and "name" in node
    ]
    assert ("heading", "parcel 1.0") in told
    assert ("heading", "What this verdict does not cover") in told
    assert ("region", "Verdict") in told
    assert ("navigation", "Contents") in told
    named = {"checkbox", "region", "navigation", "link", "heading", "form"}
    assert [role for role, name in told if role in named and not name] == []


@EVERY_SCHEME
def test_it_prints_whole_with_the_verdict_on_the_first_of_several_pages(
    report: Path, profile: Path, scheme: str
) -> None:
    with tab(report, profile, scheme=scheme) as page:
        pages = text_of(page.pdf())
        page.ask("Emulation.setEmulatedMedia", media="print")
        paper = colour(page, ".card", "backgroundColor"), colour(page, "body", "color")
    assert len(pages) > 2
    assert full_report().line in pages[0]
    assert all(f"{n} / {len(pages)}" in text for n, text in enumerate(pages, 1))
    # What is closed on the screen is printed; what only a screen can do is not.
    assert HIDDEN in " ".join(pages)
    assert "Skip to the findings" not in " ".join(pages)
    assert sum(paper[0]) - sum(paper[1]) > 400


def test_a_machine_without_a_browser_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "no-such-browser")
    with pytest.raises(FileNotFoundError, match="no-such-browser"):
        find_browser()
