"""Verdicts, receipts, redaction, bounds, and one policy after another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs
from support.payload_rules import AWS_KEY, CARD, HEAD, inspected, inspector, policy_file

from arqonbus.casil import engine
from arqonbus.casil.document import PolicyProblem
from arqonbus.casil.inspection import INCOMPLETE, Inspection, Verdict
from arqonbus.casil.inspector import LINES_PER_SECOND, Inspector
from arqonbus.errors import ErrorCode
from arqonbus.telemetry.metrics import Metrics

SECRETS = '[[rule]]\nid = "no-secrets"\ndetect = ["secrets"]\n'
CARDS = '[[rule]]\nid = "cards"\ndetect = ["payment-card"]\naction = "redact"\n'
MONITOR = 'schema = 1\nmode = "monitor"\n'


def told(found: Inspection) -> dict[str, object]:
    receipt: dict[str, object] = json.loads(found.receipt())
    return receipt


def test_without_a_file_nothing_is_inspected() -> None:
    none = Inspector(None, Metrics(CollectorRegistry()))
    assert none.inspect("room", "channel", {"payload": AWS_KEY}) is None
    assert not none.active
    assert not none.receipts
    assert none.version == ""


def test_a_message_that_passes_tells_how_much_was_looked_at(tmp_path: Path) -> None:
    rules = inspector(tmp_path, SECRETS)
    found = inspected(rules, {"a": "é", "b": [1.5, True, None]})
    assert told(found) == {
        "policy": rules.version,
        "inspected": 7,
        "total": 7,
        "verdict": "pass",
        "rules": [],
    }


def test_a_blocked_message_names_rule_and_place_but_no_value(tmp_path: Path) -> None:
    found = inspected(inspector(tmp_path, SECRETS), {"list": [0, {"a/b": f"x {AWS_KEY}"}]})
    refusal = found.refusal()
    assert refusal.code is ErrorCode.POLICY_BLOCKED
    assert refusal.message == "no-secrets: aws-access-key at payload/list/1/a~1b"
    assert not refusal.retryable
    assert AWS_KEY not in repr(found)


def test_a_name_that_is_a_find_is_in_no_pointer(tmp_path: Path) -> None:
    found = inspected(inspector(tmp_path, SECRETS), {AWS_KEY: {"inner": AWS_KEY}})
    assert [one.pointer for one in found.findings] == ["payload", "payload/*/inner"]


def test_redaction_keeps_the_shape(tmp_path: Path) -> None:
    payload = {"n": int(CARD), "t": f"my {CARD}", CARD: {"x": 1}, "f": [None, float(CARD)]}
    found = inspected(inspector(tmp_path, CARDS), payload, metadata={"k": 1})
    mark = "[redacted:cards]"
    assert found.verdict is Verdict.REDACT
    assert found.parts == {"payload": {"n": mark, "t": mark, mark: {"x": 1}, "f": [None, mark]}}
    assert told(found)["rules"] == ["cards"]


def test_names_that_are_taken_out_stay_apart(tmp_path: Path) -> None:
    payload = {f"a {CARD}": 1, f"b {CARD}": 2, "[redacted:cards]": 3}
    found = inspected(inspector(tmp_path, CARDS), payload)
    changed = found.parts["payload"]
    assert isinstance(changed, dict)
    assert sorted(changed.values()) == [1, 2, 3]


def test_an_id_cannot_be_redacted_so_it_blocks(tmp_path: Path) -> None:
    found = inspected(inspector(tmp_path, CARDS), 1, id=CARD)
    assert found.verdict is Verdict.BLOCK
    assert found.refusal().message == "cards: payment-card at id"


def test_monitor_delivers_and_tells(tmp_path: Path) -> None:
    rules = inspector(tmp_path, SECRETS + CARDS, MONITOR)
    found = inspected(rules, [AWS_KEY, CARD])
    assert (found.verdict, found.rules, found.parts) == (
        Verdict.NOTE,
        ("no-secrets", "cards"),
        {},
    )
    too_large = inspected(rules, "x" * 300_000)
    assert (too_large.verdict, too_large.rules) == (Verdict.NOTE, (INCOMPLETE,))
    assert told(too_large)["inspected"] == 0
    assert too_large.total >= 300_000


@pytest.mark.parametrize(
    ("head", "payload", "why"),
    [
        ("max_bytes = 1024", "x" * 1025, "too large"),
        ("max_bytes = 1024", ["x" * 1024, AWS_KEY], "too large"),
        ("max_values = 3", [1, 2, 3], "too many values"),
        ("max_values = 3", [None, True, False], "too many values"),
        ("max_depth = 2", [[[1]]], "nested too deeply"),
        ("", [f"{n} " + "4000 0000 0000 0001 " * 20 for n in range(40)], ""),
        ("", "4000 0000 0000 0001 " * 1100, "too many texts that look like finds"),
    ],
)
def test_what_cannot_be_finished_blocks(
    tmp_path: Path, head: str, payload: object, why: str
) -> None:
    found = inspected(inspector(tmp_path, CARDS + SECRETS, HEAD + head + "\n"), payload)
    assert found.incomplete == why
    assert (found.verdict is Verdict.BLOCK) is bool(why)
    if why:
        assert found.rules == (INCOMPLETE,)
        assert why in found.refusal().message


def test_an_error_inside_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> Inspection:
        raise ArithmeticError

    metrics = Metrics(CollectorRegistry())
    rules = Inspector(policy_file(tmp_path, SECRETS), metrics)
    monkeypatch.setattr(engine, "inspect", fail)
    with capture_logs() as logs:
        found = inspected(rules, 1)
    assert (found.verdict, found.rules) == (Verdict.BLOCK, (INCOMPLETE,))
    assert logs[0]["exc_info"]
    counted = metrics.registry.get_sample_value(
        "arqonbus_internal_errors_total", {"where": "casil"}
    )
    assert counted == 1


def test_allowed_values_are_fine_and_no_others(tmp_path: Path) -> None:
    rules = inspector(
        tmp_path,
        f'[[rule]]\nid = "r"\ndetect = ["payment-card", "email"]\nallow = ["{CARD}"]\n'
        'allow_patterns = [".*@example\\\\.com"]\n',
    )
    assert inspected(rules, [CARD, "me@example.com"]).verdict is Verdict.PASS
    assert inspected(rules, f"{CARD} 5500000000000004").verdict is Verdict.BLOCK
    assert inspected(rules, "me@example.com me@example.org").verdict is Verdict.BLOCK


@pytest.mark.parametrize(
    ("text", "blocked"),
    [("the Ünion jack", True), ("reunions", False), ("(UNION JACK)", True), ("union  jack", False)],
)
def test_denied_words(tmp_path: Path, text: str, blocked: bool) -> None:
    rules = inspector(tmp_path, '[[rule]]\nid = "r"\ndeny = ["union jack", "ünion"]\n')
    assert (inspected(rules, text).verdict is Verdict.BLOCK) is blocked


def test_rules_are_for_their_rooms_and_channels(tmp_path: Path) -> None:
    rules = inspector(
        tmp_path,
        '[[rule]]\nid = "r"\ndeny = ["x"]\nrooms = ["pay*", "bank"]\nchannels = ["in"]\n',
    )
    for room, channel, held in (
        ("payments", "in", True),
        ("bank", "in", True),
        ("bank", "out", False),
        ("", "", False),
    ):
        assert rules.applies(room, channel) is held
        assert (rules.inspect(room, channel, {"payload": "x"}) is not None) is held


def test_schemas(tmp_path: Path) -> None:
    rules = inspector(
        tmp_path,
        '[[json_schema]]\nid = "order"\n[json_schema.schema]\nrequired = ["n"]\n'
        'properties.n = { type = "integer" }\nproperties.t = { pattern = "^(a+)+$" }\n',
    )
    assert inspected(rules, {"n": 1}).verdict is Verdict.PASS
    found = inspected(rules, {"n": "secret"})
    assert found.refusal().message == "order: schema (type) at payload/n"
    assert inspected(rules, {}).refusal().message == "order: schema (required) at payload"
    assert inspected(rules, {"n": 1, "t": "a" * 50_000 + "b"}).verdict is Verdict.BLOCK


def test_logs_hold_the_mark_unless_the_rule_shows_what_it_found(tmp_path: Path) -> None:
    hidden = inspector(tmp_path, CARDS)
    with capture_logs() as logs:
        inspected(hidden, CARD)
    assert CARD not in repr(logs)
    assert logs[0]["findings"][0]["sample"] == "[redacted:cards]"
    shown = inspector(tmp_path, CARDS + 'redact_in = ["transport"]\n')
    with capture_logs() as logs:
        assert inspected(shown, CARD).verdict is Verdict.REDACT
    assert logs[0]["findings"][0]["sample"] == CARD


def test_redacting_in_logs_alone_delivers_as_it_is(tmp_path: Path) -> None:
    rules = inspector(tmp_path, CARDS + 'redact_in = ["logs"]\n')
    found = inspected(rules, CARD)
    assert (found.verdict, found.parts) == (Verdict.NOTE, {})


def test_lines_are_bounded_and_what_was_left_out_is_counted(tmp_path: Path) -> None:
    now = [0.0]
    rules = Inspector(policy_file(tmp_path, SECRETS), Metrics(CollectorRegistry()), lambda: now[0])
    with capture_logs() as logs:
        for _ in range(LINES_PER_SECOND + 5):
            inspected(rules, AWS_KEY)
        assert len(logs) == LINES_PER_SECOND
        now[0] = 1.0
        inspected(rules, AWS_KEY)
    assert logs[-1]["not_logged_before"] == 5


def test_verdicts_and_rules_are_counted(tmp_path: Path) -> None:
    metrics = Metrics(CollectorRegistry())
    rules = Inspector(policy_file(tmp_path, SECRETS), metrics)
    inspected(rules, [AWS_KEY, AWS_KEY])
    inspected(rules, 1)
    value = metrics.registry.get_sample_value
    assert value("arqonbus_inspections_total", {"verdict": "block"}) == 1
    assert value("arqonbus_inspections_total", {"verdict": "pass"}) == 1
    assert value("arqonbus_payload_rules_total", {"rule": "no-secrets"}) == 1


def test_another_policy_holds_after_the_swap_and_not_before(tmp_path: Path) -> None:
    rules = inspector(tmp_path, SECRETS)
    first = inspected(rules, CARD)
    assert first.verdict is Verdict.PASS
    policy_file(tmp_path, CARDS)
    swap = rules.prepare()
    assert inspected(rules, CARD).policy == first.policy
    swap()
    second = inspected(rules, CARD)
    assert second.verdict is Verdict.REDACT
    assert second.policy == rules.version != first.policy


def test_a_policy_that_is_none_leaves_the_one_in_force(tmp_path: Path) -> None:
    rules = inspector(tmp_path, SECRETS)
    version = rules.version
    policy_file(tmp_path, '[[rule]]\nid = "r"\n')
    with pytest.raises(PolicyProblem):
        rules.prepare()
    assert rules.version == version
    assert inspected(rules, AWS_KEY).verdict is Verdict.BLOCK
