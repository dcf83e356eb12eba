"""Every detector finds what it is for, and leaves alone what only looks like it."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from support.payload_rules import AWS_KEY, CARD, inspected, inspector

from arqonbus.casil.detectors import GROUPS, KNOWN
from arqonbus.casil.inspection import Verdict

A36 = "aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0zA3bC6"
A64 = A36 + "Zq8Lw2Xe5Rv1Tb4Yn7Um0Ik3Ol6P"
JWT = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=")
    for part in (b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"1234567890"}', b"signature" * 3)
)

GOOD = {
    "aws-access-key": [AWS_KEY, f"key={AWS_KEY};", "ASIA" + "Y34FZKBOKMUTVV7A"],
    "github-token": ["ghp_" + A36, "github_pat_" + A64],
    "gitlab-token": ["glpat-" + A36[:20]],
    "slack-token": ["xoxb-" + "123456789012-" + A36[:24], "hooks.slack.com/services/" + A64[:44]],
    "stripe-key": ["sk_live_" + A36[:24], "whsec_" + A36[:32]],
    "google-key": ["AIza" + A36[:35], "GOCSPX-" + A36[:28]],
    "openai-key": ["sk-proj-" + A64, "sk-" + A36],
    "anthropic-key": ["sk-ant-api03-" + A64],
    "npm-token": ["npm_" + A36],
    "pypi-token": ["pypi-AgE" + A64],
    "private-key": [
        "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIE",
        "-----BEGIN " + "PRIVATE KEY-----",
    ],
    "jwt": [JWT],
    "http-credentials": ["Authorization: Bearer " + A36, "Basic " + "dXNlcjpwYXNzd29yZDE="],
    "url-password": ["postgres://app:" + "s3cret@db.example/x", "redis://:" + "hunter2@cache:6379"],
    "secret-by-name": ["password=" + "hunter2Hunter2x", 'api_key: "' + A36 + '"'],
    "email": ["write to me@example.com", "a.b+c@mail.example.co.uk"],
    "phone": ["+49 30 901820", "call +14155552671 now", "+1 (415) 555-2671"],
    "iban": ["DE89 3704 0044 0532 0130 00", "pay GB82WEST12345698765432 today"],
    "payment-card": [CARD, "4111 1111 1111 1111", "5500-0000-0000-0004", "3782 822463 10005"],
    "us-ssn": ["078-05-1120", "ssn 219 09 9999"],
    "ipv4": ["from 192.0.2.7", "10.1.2.3"],
    "ipv6": ["2001:db8::1 said"],
}
BAD = {
    "aws-access-key": ["AKIAIOSFODNN", "XAKIAIOSFODNN7EXAMPLE", "AKIA is a prefix"],
    "github-token": ["ghp_short", "ghp-" + A36],
    "gitlab-token": ["glpat-x"],
    "slack-token": ["xoxb", "slack.com/services"],
    "stripe-key": ["sk_live_", "task_test_1234567890ab"],
    "google-key": ["AIzaShort"],
    "openai-key": ["sk-", "sk-learn-is-a-library-of-python-modules"],
    "anthropic-key": ["sk-ant-"],
    "npm-token": ["npm_install"],
    "pypi-token": ["pypi-AgE"],
    "private-key": ["-----BEGIN PUBLIC KEY-----", "BEGIN PRIVATE KEY"],
    "jwt": ["eyes.eyes.eyes", "a.b.c"],
    "http-credentials": ["the bearer of this letter", "Basic training"],
    "url-password": ["https://example.com/a@b", "https://user@example.com"],
    "secret-by-name": ["password: please", "author=AlexanderTheGreat", "token_url: https://a.b/C1"],
    "email": ["me at example.com", "@example.com", "a@b"],
    "phone": ["+1", "1+1=2", "2024-05-06"],
    "iban": ["DE89 3704 0044 0532 0130 01", "XX89370400440532013000"],
    "payment-card": ["4111111111111112", "0000000000000000", "1716900000000", "123456"],
    "us-ssn": ["000-12-3456", "666-12-3456", "900-12-3456", "123-45-67890"],
    "ipv4": ["127.0.0.1", "1.2.3", "999.1.1.1", "v1.2.3.4.5"],
    "ipv6": ["::1", "12:30:45", "a::b::c"],
}


def test_every_detector_has_examples() -> None:
    assert {name for name in KNOWN if name not in GROUPS} == set(GOOD) == set(BAD)


@pytest.mark.parametrize(("name", "text"), [(n, t) for n, texts in GOOD.items() for t in texts])
def test_found(tmp_path: Path, name: str, text: str) -> None:
    rules = inspector(tmp_path, f'[[rule]]\nid = "r"\ndetect = ["{name}"]\n')
    found = inspected(rules, text)
    assert found.verdict is Verdict.BLOCK
    assert found.findings[0].by == name


@pytest.mark.parametrize(("name", "text"), [(n, t) for n, texts in BAD.items() for t in texts])
def test_left_alone(tmp_path: Path, name: str, text: str) -> None:
    rules = inspector(tmp_path, f'[[rule]]\nid = "r"\ndetect = ["{name}"]\n')
    assert inspected(rules, text).verdict is Verdict.PASS
