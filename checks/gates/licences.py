"""The gate `licences`: everything that is shipped with bears a licence that the policy allows."""

from __future__ import annotations

import json
from email.parser import HeaderParser
from importlib import metadata
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from checks.environments import make_environment, site_of
from checks.kept import digest_artifacts, digest_texts
from checks.licences import Demands, allowed, declared, read_demands
from checks.model import Finding, GateOutput, Location, NotApplicable, Scope
from checks.specimens import digest, discover

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import Message
    from pathlib import Path

    from checks.context import Context
    from checks.model import SpecimenOutcome

NOT_ALLOWED = "licences.not-allowed"
UNKNOWN = "licences.unknown"
UNUSED = "licences.unused-entry"

POLICY = "licences.toml"
_REMEDIATION = {
    NOT_ALLOWED: f"Replace the distribution, or allow the licence in policies/{POLICY}.",
    UNKNOWN: f"Look it up in the distribution's own files and name it in policies/{POLICY}.",
    UNUSED: f"Remove the entry from policies/{POLICY}.",
}


class LicencesGate:
    """Read the licence of every locked distribution from the installed metadata."""

    name = "licences"
    title = "Every locked distribution has a licence that is allowed"
    rules: tuple[str, ...] = (NOT_ALLOWED, UNKNOWN, UNUSED)

    def inputs(self, context: Context) -> str:
        """Digest what is installed, and the policy."""
        policy = digest(context.settings_file(POLICY))
        return digest_texts([digest_artifacts(context), policy])

    def check(self, context: Context) -> GateOutput:
        """Judge every distribution of the lock, also those that are not installed here.

        Raises:
            NotApplicable: there is no lock, or no policy.
        """
        lock = context.manifest.lock
        if lock is None:
            raise NotApplicable("the project has no runtime lock that names what it ships with")
        demands = read_demands(context.settings_file(POLICY))
        wheel = context.artifacts().wheel
        path = context.project / lock
        python = make_environment(context, path, extra=[wheel], name="cleanroom")
        installed: dict[str, str | None] = {
            canonicalize_name(one.name): declared(one.metadata)
            for one in metadata.distributions(path=[str(site_of(python))])
        }
        names = frozenset(context.manifest.locked)
        licences = {name: installed.get(name) for name in sorted(names)}
        return GateOutput(
            (Scope("distributions", names, frozenset(licences)),),
            findings=tuple(judge(licences, demands, lock)),
            notes=(_told(licences, demands),),
        )

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Judge invented distributions: a policy, and the metadata of each in one JSON file."""
        return tuple(
            one.outcome(fired=one.rule in {found.rule for found in _judge_folder(one.path)})
            for one in discover(context.policies, self.name)
        )


def judge(licences: Mapping[str, str | None], demands: Demands, lock: str) -> Iterator[Finding]:
    """Yield what is not allowed, not known, or wrongly named by the policy."""
    for name, said in licences.items():
        looked_up = demands.looked_up(name)
        licence = said or (looked_up.licence if looked_up else None)
        if licence is None:
            yield _finding(UNKNOWN, name, "no licence is known", lock)
        elif not allowed(licence, demands.allowed):
            yield _finding(NOT_ALLOWED, name, f"{licence} is not allowed", lock)
    for known in demands.known:
        if known.name not in licences:
            yield _finding(UNUSED, known.name, "is not locked", f"policies/{POLICY}")
        elif (said := licences[known.name]) not in {None, known.licence}:
            text = f"declares {said}, not {known.licence}"
            yield _finding(UNUSED, known.name, text, f"policies/{POLICY}")


def _told(licences: Mapping[str, str | None], demands: Demands) -> str:
    shown = {
        name: said
        or (f"{known.licence} (looked up)" if (known := demands.looked_up(name)) else "?")
        for name, said in licences.items()
    }
    return "; ".join(f"{name}: {licence}" for name, licence in shown.items())


def _finding(rule: str, name: str, what: str, path: str) -> Finding:
    return Finding(
        rule,
        f"{name}: {what}",
        Location(path),
        snippet=f"{name}: {what}",
        context=name,
        remediation=_REMEDIATION[rule],
    )


def _judge_folder(folder: Path) -> list[Finding]:
    texts: dict[str, str] = json.loads((folder / "metadata.json").read_text("utf-8"))
    heads: dict[str, Message] = {
        name: HeaderParser().parsestr(text) for name, text in texts.items()
    }
    licences = {name: declared(head) for name, head in heads.items()}
    return list(judge(licences, read_demands(folder / POLICY), "lock.txt"))
