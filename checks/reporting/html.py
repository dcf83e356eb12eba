"""The HTML report: one self-contained page that a person can read, keep and print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from checks.outcome import VERIFIER
from checks.policy import SEVERITIES
from checks.records import rule_records
from checks.reporting.json_report import CHECKS_VERSION, totals
from checks.reporting.summary import unique_findings
from checks.reporting.terminal import earlier, place

if TYPE_CHECKING:
    from checks.outcome import Outcome

_MANY = 60
_PARTS = Path(__file__).parent / "page"


def render_html(outcome: Outcome) -> str:
    """Return the page. All values are escaped; nothing is loaded from elsewhere."""
    environment = Environment(
        loader=FileSystemLoader(_PARTS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["place"] = place
    environment.filters["earlier"] = earlier
    environment.filters["label"] = lambda status: str(status.value).replace("_", " ")
    return environment.get_template("report.jinja").render(
        outcome=outcome,
        css=Markup((_PARTS / "report.css").read_text("utf-8")),  # noqa: S704 - our own style sheet
        found=unique_findings(outcome),
        severities=SEVERITIES,
        rules=rule_records(outcome.gates),
        totals=totals(outcome),
        verifier=VERIFIER,
        version=CHECKS_VERSION,
        many=_MANY,
    )
