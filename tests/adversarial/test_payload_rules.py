"""Attempts to get something past the payload rules, or to keep them busy."""

from __future__ import annotations

import base64
import json
import tracemalloc
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from support.payload_rules import AWS_KEY, CARD, inspected, inspector, policy_file

from arqonbus.bus.screening import Screening
from arqonbus.casil.inspection import INCOMPLETE, Verdict
from arqonbus.casil.inspector import Inspector
from arqonbus.errors import ArqonBusError
from arqonbus.protocol.inbound import Publish
from arqonbus.protocol.json_codec import JsonCodec
from arqonbus.protocol.msgpack_codec import MsgpackCodec
from arqonbus.telemetry.metrics import Metrics

RULES = '[[rule]]\nid = "r"\ndetect = ["secrets", "personal"]\n'
REDACTING = RULES + 'action = "redact"\n'
FULL_WIDTH = str.maketrans({chr(n): chr(n + 0xFEE0) for n in range(0x21, 0x7F)})
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def lines(text: str) -> str:
    return "\n".join(text[at : at + 12] for at in range(0, len(text), 12))


EVASIONS: dict[str, Any] = {
    "plain": AWS_KEY,
    "in a sentence": f"use {AWS_KEY}, please",
    "as a name": {AWS_KEY: 1},
    "deep": json.loads("[" * 100 + f'"{AWS_KEY}"' + "]" * 100),
    "last of many": [*range(4900), AWS_KEY],
    "behind much": "x " * 50_000 + AWS_KEY,
    "full width": AWS_KEY.translate(FULL_WIDTH),
    "zero width": "\u200b".join(AWS_KEY),
    "soft hyphens": "\u00ad".join(AWS_KEY),
    "variation selectors": "\ufe0f".join(AWS_KEY),
    "tags": "\U000e0041".join(AWS_KEY),
    "NULs": "\0".join(AWS_KEY),
    "right to left": f"\u202e{AWS_KEY[:8]}\u202c{AWS_KEY[8:]}",
    "base64": base64.b64encode(AWS_KEY.encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(b"\xff\xfe>>?" + AWS_KEY.encode()).decode(),
    "base64 without its end": base64.b64encode(AWS_KEY.encode()).decode().rstrip("="),
    "base64 in a sentence": f"see: {base64.b64encode(AWS_KEY.encode()).decode()}!",
    "base64 in lines": lines(base64.b64encode(f"some words and {AWS_KEY}".encode()).decode()),
    "base64 of binary": base64.b64encode(bytes(range(128, 256)) + AWS_KEY.encode()).decode(),
    "base64 in full width": base64.b64encode(AWS_KEY.encode()).decode().translate(FULL_WIDTH),
    "percent": "".join(f"%{ord(c):02x}" for c in AWS_KEY),
    "percent in part": quote(f"é {AWS_KEY}"),
    "hex": AWS_KEY.encode().hex(),
    "JSON in a string": json.dumps({"a": [AWS_KEY]}),
    "JSON name in a string": json.dumps({AWS_KEY: 1}),
    "escaped JSON in a string": '"' + "".join(f"\\u{ord(c):04x}" for c in AWS_KEY) + '"',
    "secret by its name in JSON": json.dumps({"apiKey": "Zx81kkPq92Lm"}),
    "a named number and text": {"client_secret": ["x", "Zx81kkPq92Lm"]},
    "card as a number": int(CARD),
    "card as a float": float(CARD),
    "negative card": -int(CARD),
    "card in groups": "4111 1111 1111 1111",
    "card digit by digit": " ".join(CARD),
    "card with other hyphens": "4111\u20131111\u22121111\uff0d1111",
    "card with hard spaces": "4111\u00a01111\u20071111\u202f1111",
    "card in Arabic digits": CARD.translate(ARABIC),
    "card in mathematical digits": "".join(chr(0x1D7CE + int(c)) for c in CARD),
    "card behind numbers that are none": f"4000000000000000 4000000000000001 {CARD}",
    "card in a name": {f"n{CARD}": 1, CARD: 2},
    "IBAN in lower case": "de89 3704 0044 0532 0130 00",
}


@pytest.mark.parametrize("how", EVASIONS)
@pytest.mark.parametrize("part", ["payload", "metadata"])
def test_evasions(tmp_path: Path, how: str, part: str) -> None:
    parts = {"payload": "fine"} | {part: EVASIONS[how]}
    found = inspector(tmp_path, RULES).inspect("room", "channel", parts)
    assert found is not None
    assert (found.verdict, found.rules) == (Verdict.BLOCK, ("r",))
    assert found.inspected == found.total
    assert AWS_KEY not in found.refusal().message


@pytest.mark.parametrize("how", EVASIONS)
def test_what_is_taken_out_is_gone(tmp_path: Path, how: str) -> None:
    rules = inspector(tmp_path, REDACTING)
    found = inspected(rules, EVASIONS[how])
    assert found.verdict is Verdict.REDACT
    assert inspected(rules, found.parts["payload"]).verdict is Verdict.PASS


# What docs/payload-rules.md says is not seen: a change of this list is a change of the page.
NOT_SEEN: dict[str, Any] = {
    "split over an array": [AWS_KEY[:10], AWS_KEY[10:]],
    "split over name and value": {AWS_KEY[:10]: AWS_KEY[10:]},
    "twice in base64": base64.b64encode(base64.b64encode(AWS_KEY.encode())).decode(),
    "look-alike letters": AWS_KEY.replace("A", "А").replace("E", "Е"),  # Cyrillic
    "backwards": AWS_KEY[::-1],
}


@pytest.mark.parametrize("how", NOT_SEEN)
def test_what_the_page_says_is_not_seen(tmp_path: Path, how: str) -> None:
    assert inspected(inspector(tmp_path, RULES), NOT_SEEN[how]).verdict is Verdict.PASS


HUNGRY: dict[str, Any] = {
    "letters": "a" * 262_144,
    "candidates": "4000 0000 0000 0001 " * 13_000,
    "addresses that are none": "a@" * 131_072,
    "half an address": "a." * 60_000 + "@" + "b." * 60_000,
    "headers": "-----BEGIN " * 20_000,
    "tokens that are none": "eyeyeyeyey." * 20_000,
    "names of secrets": "password=" * 28_000,
    "URLs": "a://b:" * 40_000,
    "percent": "%41" * 80_000,
    "base64": "QUFB" * 65_000,
    "hex": "4141" * 65_000,
    "JSON": "[" * 262_144,
    "JSON of nothing": json.dumps([None] * 40_000),
    "what NFKC makes eighteen of": "\ufdfa" * 87_000,
    "invisible": "\u200b" * 87_000,
    "combining": "a" + "\u0301" * 130_000,
    "names": {f"k{n}": n for n in range(9_000)},
    "values": [[]] * 30_000,
    "numbers": [2**63] * 15_000,
    "many finds": [CARD] * 15_000,
    "names that become one": {f"{CARD} {n}": n for n in range(9_000)},
}


@pytest.mark.parametrize("how", HUNGRY)
def test_hungry_messages_come_to_an_end(tmp_path: Path, how: str) -> None:
    found = inspected(inspector(tmp_path, REDACTING), HUNGRY[how])
    if found.verdict is Verdict.PASS:
        assert found.inspected == found.total
    else:
        assert found.rules in {(INCOMPLETE,), ("r",), ("r", INCOMPLETE)}
    assert len(found.refusal().message) < 1000


def test_a_pattern_that_would_backtrack_for_ever_does_not(tmp_path: Path) -> None:
    rules = inspector(
        tmp_path, '[[rule]]\nid = "r"\npatterns = ["^(a+)+$", "(x|xx)+y", "(.*,){20}z"]\n'
    )
    assert inspected(rules, "a" * 100_000 + "!").verdict is Verdict.PASS
    assert inspected(rules, "x" * 100_000).verdict is Verdict.PASS
    assert inspected(rules, "," * 20_000).verdict is Verdict.PASS


def test_memory_is_bounded_by_the_message(tmp_path: Path) -> None:
    rules = inspector(tmp_path, RULES)
    payload = "\ufdfa" * 80_000
    inspected(rules, "warm")
    tracemalloc.start()
    inspected(rules, payload)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # NFKC makes eighteen characters of one, of which some copies exist at a time.
    assert most < 18 * 8 * len(payload.encode())


def test_too_large_a_message_blocks_wherever_its_secret_is(tmp_path: Path) -> None:
    rules = inspector(tmp_path, RULES)
    for payload in (["x" * 300_000, AWS_KEY], [AWS_KEY, "x" * 300_000]):
        assert inspected(rules, payload).verdict is Verdict.BLOCK


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from([AWS_KEY, CARD, "me@example.com", "password=Hunter2hunter2", "[redacted:r]"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just(CARD), inner),
    max_leaves=20,
)
anything = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=10,
)


@pytest.fixture(scope="module")
def redacting(tmp_path_factory: pytest.TempPathFactory) -> Inspector:
    return inspector(tmp_path_factory.mktemp("rules"), REDACTING)


@given(payload=anything)
@example(payload=10**5000)
@example(payload="\ud800" + AWS_KEY)
def test_an_inspection_never_raises(redacting: Inspector, payload: object) -> None:
    assert inspected(redacting, payload).policy == redacting.version


@given(payload=json_values)
def test_redacted_output_holds_no_find(redacting: Inspector, payload: object) -> None:
    found = inspected(redacting, payload)
    assert found.verdict in {Verdict.PASS, Verdict.REDACT}
    again = inspected(redacting, found.parts.get("payload", payload))
    assert again.verdict is Verdict.PASS


@given(payload=json_values)
def test_both_codecs_come_to_the_same_verdict(redacting: Inspector, payload: object) -> None:
    screening = Screening(redacting)
    outcomes = []
    for codec, encode in (
        (JsonCodec(), msgspec.json.encode),
        (MsgpackCodec(), msgspec.msgpack.encode),
    ):
        frame = Publish(payload=msgspec.Raw(encode(payload)), room="r", channel="c")
        receipt = screening.screen(codec, frame, "r", "c")
        outcomes.append((receipt, codec.value(frame.payload)))
    assert outcomes[0] == outcomes[1]


def hiding(folder: Path, part: str, text: str) -> tuple[Screening, Publish]:
    """Rules, and a message that has `text` in one of its parts."""
    frame = Publish(msgspec.Raw(b"1"), "r", "c", metadata=msgspec.Raw(b"{}"))
    setattr(frame, part, msgspec.Raw(f'{{"inner": {text}}}'.encode()))
    return Screening(inspector(folder, RULES)), frame


@pytest.mark.parametrize(
    "text",
    [
        f'{{"a": "{AWS_KEY}", "a": "fine"}}',
        f'[{{"a": {{"{AWS_KEY}": 1}}, "\\u0061": 1}}]',
    ],
)
@pytest.mark.parametrize("part", ["payload", "metadata"])
def test_a_name_that_is_given_twice_hides_nothing(tmp_path: Path, text: str, part: str) -> None:
    screening, frame = hiding(tmp_path, part, text)
    with pytest.raises(ArqonBusError, match="names a member twice"):
        screening.screen(JsonCodec(), frame, "r", "c")


@pytest.mark.parametrize("part", ["payload", "metadata"])
def test_digits_that_decoding_drops_do_not_go_on(tmp_path: Path, part: str) -> None:
    screening, frame = hiding(tmp_path, part, f"1.{'0' * 20}{CARD}")
    screening.screen(JsonCodec(), frame, "r", "c")
    assert CARD.encode() not in bytes(getattr(frame, part))


@pytest.mark.parametrize(
    "payload", [AWS_KEY.encode(), {b"k": 1}, msgspec.msgpack.Ext(1, AWS_KEY.encode())]
)
def test_what_only_msgpack_has_is_no_payload(tmp_path: Path, payload: object) -> None:
    rules = Inspector(policy_file(tmp_path, RULES), Metrics(CollectorRegistry()))
    frame = Publish(payload=msgspec.Raw(msgspec.msgpack.encode(payload)), room="r", channel="c")
    with pytest.raises(ArqonBusError, match="payload: "):
        Screening(rules).screen(MsgpackCodec(), frame, "r", "c")
