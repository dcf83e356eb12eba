"""The page docs/false-alarms.md, made from the judgements so that both say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.alarms.judged import FALSE_ALARM, figures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.alarms.judged import Figures, Hit, Judged

_HEAD = """\
# False alarms on well-kept public code

A rule that cries wolf is switched off, or worked around. So the blocking rules of the gate \
`static` are let at public code that is known to be well kept, and each hit is read and judged by \
a person. This page is made by `python -m checks alarms --docs` from `policies/wellkept.toml`; the \
command fetches the sources by their hashes (`policies/lock/wellkept.txt`), runs the rules, and \
fails when a hit is not judged, a judgement has lost its hit, or there are more than {most:g} \
false alarms in 10,000 lines of code.

**true** means that the code does what the rule says. It does not mean that its authors erred: a \
library may have good reasons to let a failure go that a bus which promises delivery has not; they \
are given beside each hit. **false alarm** means that the rule is wrong about this place.

The rules were made more exact on these very sources, so other code may well see more false alarms \
than the figures say. The judgements were made by who writes these rules; nobody else has looked \
them over. Lines are lines of code, without blank ones, comments and the inner lines of long \
texts. Rules that only \
this house demands of itself (`static.todo-marker`, `static.uncounted-exception`, \
`static.untraced-exception`) block no other project and are not measured.
"""


def render_page(judged: Judged) -> str:
    """Return the whole page."""
    parts = [
        _HEAD.format(most=judged.most),
        "## Figures\n",
        *_projects(judged),
        "",
        *_rules(judged),
    ]
    for project in judged.project:
        hits = [one for one in judged.hit if one.project == project.name]
        parts += ["", f"## {project.name} {project.version}", ""]
        parts += _hits(hits) if hits else ["No hit."]
    return "\n".join(parts) + "\n"


def _projects(judged: Judged) -> Iterator[str]:
    yield "| project | lines of code | hits | false alarms | in 10,000 lines |"
    yield "|---|---|---|---|---|"
    for one in judged.project:
        yield _row(f"{one.name} {one.version}", figures(judged, project=one.name))
    yield _row("all", figures(judged))


def _rules(judged: Judged) -> Iterator[str]:
    yield "| rule | lines of code | hits | false alarms | in 10,000 lines |"
    yield "|---|---|---|---|---|"
    for rule in sorted({one.rule for one in judged.hit}):
        yield _row(f"`{rule}`", figures(judged, rule=rule))
    yield ""
    yield "A rule that is not in the table had no hit."


def _row(name: str, sums: Figures) -> str:
    return f"| {name} | {sums.lines:,} | {sums.hits} | {sums.false_alarms} | {sums.share:.2f} |"


def _hits(hits: list[Hit]) -> Iterator[str]:
    yield "| where | rule | evidence | verdict | why |"
    yield "|---|---|---|---|---|"
    for one in hits:
        where = f"`{one.path}`" + (f" `{one.function}`" if one.function else "")
        verdict = f"**{one.verdict}**" if one.verdict == FALSE_ALARM else one.verdict
        evidence = one.evidence.replace("|", "\\|")
        yield f"| {where} | `{one.rule}` | `{evidence}` | {verdict} | {one.why} |"
