"""The in-toto statements of a strict pass: a test result for the commit, a verdict for the files.

Both are unsigned here: the release workflow signs them. Sources of the predicates:
https://slsa.dev/spec/v1.0/verification_summary and
https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from checks.outcome import VERIFIER

if TYPE_CHECKING:
    from checks.outcome import FileDigest, Outcome

STATEMENT = "https://in-toto.io/Statement/v1"
VERDICT = "https://slsa.dev/verification_summary/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
VERIFIER_URI = f"urn:{VERIFIER.replace('-', ':', 1)}"
# A level of our own must not begin with SLSA_: nothing is said here about SLSA's own levels.
LEVEL = "ARQONBUS_RELEASE_CHECK_STRICT"
RESULT_FILE = "test-result.intoto.json"
VERDICT_FILE = "attestation.intoto.json"
UNSIGNED = "This statement is unsigned: it proves nothing about who made it."


def render_statements(outcome: Outcome) -> dict[str, str]:
    """Return both statements by the names of their files.

    Raises:
        ValueError: the outcome is no strict pass of everything, and must not be attested.
    """
    wheel, sdist = outcome.subject.wheel, outcome.subject.sdist
    if not outcome.attestable or wheel is None or sdist is None:
        raise ValueError("only a strict pass by all gates is attested")
    tested = _text(_test_result(outcome))
    return {
        RESULT_FILE: tested,
        VERDICT_FILE: _text(_verdict(outcome, wheel, sdist, tested)),
    }


def _test_result(outcome: Outcome) -> dict[str, object]:
    """Say that the commit passed, by which configuration."""
    subject = outcome.subject
    passed = [one.gate for one in outcome.gates]
    return {
        "_type": STATEMENT,
        "subject": [{"name": subject.project, "digest": {"gitCommit": subject.commit}}],
        "predicateType": TEST_RESULT,
        "predicate": {
            "result": "PASSED",
            "configuration": _configuration(outcome),
            "passedTests": passed,
            "warnedTests": [],
            "failedTests": [],
            **_limits(outcome),
        },
    }


def _verdict(
    outcome: Outcome, wheel: FileDigest, sdist: FileDigest, tested: str
) -> dict[str, object]:
    """Say that the built files were verified by the policy; the test result is its evidence."""
    around, subject = outcome.surroundings, outcome.subject
    return {
        "_type": STATEMENT,
        "subject": [
            {"name": file.name, "digest": {"sha256": file.sha256}} for file in (wheel, sdist)
        ],
        "predicateType": VERDICT,
        "predicate": {
            "verifier": {"id": VERIFIER_URI},
            "timeVerified": outcome.ended.replace("+00:00", "Z"),
            "resourceUri": f"pkg:pypi/{subject.project}@{subject.version}",
            "policy": {"uri": around.policy_uri, "digest": {"sha256": around.policy_sha256}},
            "inputAttestations": [{"uri": RESULT_FILE, "digest": {"sha256": _sha256(tested)}}],
            "verificationResult": "PASSED",
            "verifiedLevels": [LEVEL],
            "arqonbus_controls": [one.control.id for one in outcome.controls],
            "arqonbus_source": {"gitCommit": subject.commit, "dirty": subject.dirty},
            **_limits(outcome),
        },
    }


def _configuration(outcome: Outcome) -> list[dict[str, object]]:
    around = outcome.surroundings
    parts: list[dict[str, object]] = [
        {"uri": around.policy_uri, "digest": {"sha256": around.policy_sha256}}
    ]
    if around.lock_sha256 is not None:
        parts.append({"name": "runtime lock", "digest": {"sha256": around.lock_sha256}})
    return parts


def _limits(outcome: Outcome) -> dict[str, object]:
    """Return fields beyond the predicates' own; their readers ignore what they don't know."""
    waived = [one.finding.fingerprint for control in outcome.controls for one in control.waived]
    return {
        "arqonbus_waived": sorted(set(waived)),
        "arqonbus_limitations": [UNSIGNED, *outcome.limitations],
    }


def _text(statement: dict[str, object]) -> str:
    return json.dumps(statement, indent=2) + "\n"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
