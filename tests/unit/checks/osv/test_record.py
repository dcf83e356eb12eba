"""A record is read whole, or somebody hears that it can't be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from checks.model import CouldNotRun
from checks.osv.record import read_record

PACKAGE = {"ecosystem": "PyPI", "name": "Big_Parcel"}
LINE = {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}


def document(**changes: object) -> dict[str, object]:
    affected = [{"package": PACKAGE, "ranges": [LINE], "database_specific": {"more": 1}}]
    plain = {"id": "PYSEC-1", "modified": "2024-10-10T17:00:00Z", "affected": affected}
    return {key: value for key, value in {**plain, **changes}.items() if value is not None}


def line(*events: object, kind: str = "ECOSYSTEM") -> dict[str, object]:
    return {"affected": [{"package": PACKAGE, "ranges": [{"type": kind, "events": events}]}]}


def test_what_a_verdict_does_not_depend_on_is_left_aside() -> None:
    record = read_record("a", document(severity="?", credits=[1], schema_version="1.7.3"))
    assert record.names() == {"big-parcel"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"id": None}, "missing required field `id`"),
        ({"id": ""}, "length"),
        ({"id": 7}, "Expected `str`"),
        ({"modified": None}, "missing required field `modified`"),
        ({"modified": "soon"}, "Invalid RFC3339"),
        ({"modified": "2024-10-10T17:00:00"}, "timezone"),
        ({"schema_version": "2.0.0"}, "schema '2.0.0' is unknown"),
        ({"schema_version": "1"}, "schema '1' is unknown"),
        ({"schema_version": 1.6}, "Expected `str`"),
        ({"withdrawn": "yes"}, "Invalid RFC3339"),
        ({"withdrawn": ""}, "Invalid RFC3339"),
        ({"aliases": "CVE-1"}, "Expected `array`"),
        ({"affected": None}, "names no package"),
        ({"affected": []}, "names no package"),
        ({"affected": [{"versions": ["1.0"]}]}, "names no package"),
        ({"affected": {"package": PACKAGE}}, "Expected `array`"),
        ({"affected": [{"package": "parcel"}]}, "Expected `object"),
        ({"affected": [{"package": {"name": "parcel"}}]}, "ecosystem"),
        ({"affected": [{"package": PACKAGE, "versions": [1.0]}]}, "Expected `str`"),
        ({"affected": [{"package": PACKAGE, "versions": ""}]}, "Expected `array`"),
        ({"affected": [{"package": PACKAGE, "ranges": [{"type": "ECOSYSTEM"}]}]}, "events"),
        (line({"introduced": "0"}, kind="VERSIONS"), "Invalid enum value"),
        (line({"introduced": "0"}, {"repaired": "1.1"}), "an event is one of"),
        (line({"introduced": "0", "fixed": "1.1"}), "an event is one of"),
        (line({"introduced": 0}), "Expected `str"),
        (line({"fixed": "1.1"}), "no introduced"),
        (line(), "no introduced"),
    ],
)
def test_what_a_reader_would_have_to_guess_at_is_refused(
    changes: dict[str, object], why: str
) -> None:
    with pytest.raises(CouldNotRun, match="a can't be read") as caught:
        read_record("a", document(**changes))
    assert why in str(caught.value)


@pytest.mark.parametrize("text", [None, [], "text", 1])
def test_a_document_that_is_no_record_is_refused(text: object) -> None:
    with pytest.raises(CouldNotRun, match="can't be read"):
        read_record("a.yaml", text)


def test_a_withdrawn_record_may_be_about_nothing() -> None:
    record = read_record("a", document(affected=None, withdrawn="2024-01-01T00:00:00Z"))
    assert record.names() == set()


def test_pip_audit_is_told_every_fix_that_is_a_version_in_one_range() -> None:
    ranges = [LINE, {"type": "ECOSYSTEM", "events": [{"introduced": "2"}, {"fixed": "2.1"}]}]
    ranges += [{"type": "ECOSYSTEM", "events": [{"introduced": "3"}, {"fixed": "last-week"}]}]
    affected = [{"package": PACKAGE, "ranges": ranges}]
    answer: Any = read_record("a", document(affected=affected)).answer("big-parcel")
    (told,) = json.loads(json.dumps(answer))["affected"]
    assert told["package"] == {"ecosystem": "PyPI", "name": "big-parcel"}
    assert told["ranges"][0]["events"] == [{"introduced": "0"}, {"fixed": "1.1"}, {"fixed": "2.1"}]
