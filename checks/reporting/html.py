"""The HTML report: one self-contained page that a person can read, keep and print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from checks.outcome import VERIFIER
from checks.reporting.json_report import CHECKS_VERSION, totals
from checks.reporting.terminal import place

if TYPE_CHECKING:
    from checks.outcome import Outcome

_MANY = 60


def render_html(outcome: Outcome) -> str:
    """Return the page. All values are escaped; nothing is loaded from elsewhere."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["place"] = place
    environment.filters["label"] = lambda status: str(status.value).replace("_", " ")
    return environment.get_template("report.html.jinja").render(
        outcome=outcome,
        totals=totals(outcome),
        verifier=VERIFIER,
        version=CHECKS_VERSION,
        many=_MANY,
    )
