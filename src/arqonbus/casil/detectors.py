"""The built-in detectors: probable secrets and personal data.

The forms are those that the issuers document, and that gitleaks, detect-secrets and Presidio look
for. A form alone is enough where it is unmistakable; elsewhere a check decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from arqonbus.casil import evidence


@dataclass(frozen=True, slots=True)
class Detector:
    """One kind of find: its form, and what else must hold of the matched text."""

    name: str
    pattern: str
    check: Callable[[str], bool] | None = None


# Names under which secrets are kept; also in running text, before a colon or an equals sign.
_NAMES: Final = (
    r"pass(?:word|wd|phrase|code)|secret|token|api[_.-]?key|access[_.-]?key|private[_.-]?key"
    r"|credentials?|\bauth(?:orization)?\b"
)
SECRET_NAME: Final = rf"(?i)(?:{_NAMES})"
BY_NAME: Final = "secret-by-name"

SECRETS: Final = (
    Detector(
        "aws-access-key", r"\b((?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA|ANPA|ANVA)[A-Z2-7]{16})\b"
    ),
    Detector(
        "github-token", r"\b((?:ghp|gho|ghu|ghs|ghr)_[0-9A-Za-z]{36,255}|github_pat_\w{36,255})"
    ),
    Detector("gitlab-token", r"\b(gl(?:pat|ptt|dt|rt|soat|cbt|ft)-[0-9A-Za-z_-]{20,255})"),
    Detector(
        "slack-token",
        r"\b(xox[abeoprs]-[0-9A-Za-z-]{10,255}|xapp-\d-[0-9A-Za-z-]{10,255})"
        r"|(hooks\.slack\.com/(?:services|workflows)/[0-9A-Za-z+/]{40,60})",
    ),
    Detector(
        "stripe-key", r"\b((?:sk|rk)_(?:test|live|prod)_[0-9A-Za-z]{10,255}|whsec_\w{24,255})"
    ),
    Detector("google-key", r"\b(AIza[0-9A-Za-z_-]{35})|\b(GOCSPX-[0-9A-Za-z_-]{28})"),
    Detector(
        "openai-key", r"\b(sk-(?:proj-|svcacct-|admin-)?[0-9A-Za-z_-]{20,255})", evidence.is_random
    ),
    Detector("anthropic-key", r"\b(sk-ant-[0-9A-Za-z]{3,12}-[0-9A-Za-z_-]{32,255})"),
    Detector("npm-token", r"\b(npm_[0-9A-Za-z]{36})\b"),
    Detector("pypi-token", r"\b(pypi-AgE[0-9A-Za-z_-]{50,500})"),
    # The body need not be complete: what follows the header is the key.
    Detector("private-key", r"-----BEGIN[ A-Z0-9]{0,40}PRIVATE KEY(?: BLOCK)?-----"),
    Detector("jwt", r"\b(ey[0-9A-Za-z_-]{8,}\.ey[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]*)"),
    Detector(
        "http-credentials",
        r"(?i)\bbearer\s{1,8}([0-9a-z._~+/-]{16,}=*)|\bbasic\s{1,8}([0-9a-z+/]{8,}={0,2})",
        evidence.is_random,
    ),
    Detector(
        "url-password", r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{0,128}:([^\s/@]{3,128})@[^\s@]"
    ),
    Detector(
        BY_NAME,
        rf"(?i)(?:{_NAMES})[0-9a-z_.-]{{0,32}}[\"']?\s{{0,8}}[:=]\s{{0,8}}[\"']?"
        r"([^\s\"',;:()<>\[\]{}$]{8,256})",
        evidence.is_random,
    ),
)

PERSONAL: Final = (
    Detector(
        "email",
        r"(?i)([a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24})",
    ),
    # E.164: a plus, then at most fifteen digits.
    Detector("phone", r"(?:^|[^\w+])(\+[1-9](?:[ ().-]{0,2}\d){7,14})(?:\D|$)"),
    Detector(
        "iban",
        r"(?i)\b([a-z]{2}\d{2}(?: ?[0-9a-z]{4}){2,7}(?: ?[0-9a-z]{1,3})?)\b",
        evidence.is_iban,
    ),
    Detector(
        "payment-card",
        # Not within a hash or an id, nor a fraction.
        r"(?:^|[^0-9A-Za-z.]|(?:^|[^0-9])\.|(?:^|[^0-9A-Za-z])[A-Za-z]{1,8}|[g-zG-Z][A-Za-z]{0,7})"
        r"((?:4(?:[ .-]?\d){3}|5[ .-]?[1-5](?:[ .-]?\d){2}|2[ .-]?[2-7](?:[ .-]?\d){2}"
        r"|3[ .-]?[0-9](?:[ .-]?\d){2}|6(?:[ .-]?\d){3})(?:[ .-]?\d){10,15})(?:\D|$)",
        evidence.is_card,
    ),
    Detector("us-ssn", r"(?:^|[^\d-])(\d{3}[- ]\d{2}[- ]\d{4})(?:[^\d-]|$)", evidence.is_ssn),
)

# Too common in honest messages to be a part of `personal`.
OTHERS: Final = (
    Detector(
        "ipv4", r"(?:^|[^\w.])(\d{1,3}(?:\.\d{1,3}){3})(?:[^\w.]|\.?$|\.\s)", evidence.is_address
    ),
    Detector(
        "ipv6",
        r"(?i)(?:^|[^\w:.])([0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})(?:[^\w:]|$)",
        evidence.is_address,
    ),
)

GROUPS: Final = {"secrets": SECRETS, "personal": PERSONAL}
KNOWN: Final = {each.name: (each,) for each in (*SECRETS, *PERSONAL, *OTHERS)} | GROUPS
