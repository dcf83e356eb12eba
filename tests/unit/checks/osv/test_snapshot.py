from __future__ import annotations

import datetime as dt
import io
import json
import tarfile
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from checks.osv.snapshot import load_snapshot
from checks.model import CouldNotRun
from checks.osv.endpoint import serve_snapshot

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = "c" * 40


def record(
    name: str,
    body: str,
    *,
    number: str = "1",
    extra: str = "",
    modified: str = "2024-10-10T17:00:00Z",
) -> tuple[str, str]:
    text = (
        f"id: PYSEC-2024-{number}\ndetails: It breaks.\nmodified: '{modified}'\n{extra}"
        f"affected:\n- package: {{name: {name}, ecosystem: PyPI}}\n{body}"
    )
    return f"db/vulns/{name}/PYSEC-2024-{number}.yaml", text


def snapshot(folder: Path, *records: tuple[str, str]) -> Path:
    path = folder / "snapshot.tar.gz"
    headers = {"comment": COMMIT}
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT, pax_headers=headers) as archive:
        for name, text in records:
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


RANGE = "  ranges:\n  - type: ECOSYSTEM\n    events: [{introduced: '1.2'}, {fixed: '1.10'}]\n"


@pytest.mark.parametrize(
    ("version", "affected"),
    [("1.1", False), ("1.2", True), ("1.9", True), ("1.10rc1", True), ("1.10", False)],
)
def test_a_range_is_walked_in_version_order(tmp_path: Path, version: str, affected: bool) -> None:
    loaded = load_snapshot(snapshot(tmp_path, record("parcel", RANGE)))
    assert bool(loaded.affecting("parcel", version)) is affected


@pytest.mark.parametrize(("version", "affected"), [("2.0", True), ("2.0.0", True), ("2.1", False)])
def test_a_last_affected_version_is_affected(tmp_path: Path, version: str, affected: bool) -> None:
    events = "[{introduced: '0'}, {last_affected: '2.0'}]"
    body = f"  ranges:\n  - type: ECOSYSTEM\n    events: {events}\n"
    loaded = load_snapshot(snapshot(tmp_path, record("parcel", body)))
    assert bool(loaded.affecting("parcel", version)) is affected


def test_a_listed_version_is_matched_without_any_range(tmp_path: Path) -> None:
    # Unquoted on purpose: as a YAML number 1.10 would be 1.1.
    loaded = load_snapshot(snapshot(tmp_path, record("parcel", "  versions: [1.10]\n")))
    assert loaded.affecting("parcel", "1.10")
    assert not loaded.affecting("parcel", "1.1")


def test_a_range_that_cannot_be_compared_counts_as_affected(tmp_path: Path) -> None:
    body = "  ranges:\n  - type: ECOSYSTEM\n    events: [{introduced: 'long ago'}]\n"
    assert load_snapshot(snapshot(tmp_path, record("parcel", body))).affecting("parcel", "1.0")


def test_names_are_compared_in_their_canonical_form(tmp_path: Path) -> None:
    loaded = load_snapshot(snapshot(tmp_path, record("Big_Parcel", "  versions: ['1.0']\n")))
    assert loaded.affecting("big-parcel", "1.0")


def test_withdrawn_records_are_left_out_but_counted(tmp_path: Path) -> None:
    gone = record("parcel", RANGE, extra="withdrawn: '2024-01-01T00:00:00Z'\n")
    loaded = load_snapshot(snapshot(tmp_path, gone))
    assert loaded.records == 1
    assert not loaded.affecting("parcel", "1.5")


def test_commit_newest_and_age_are_told(tmp_path: Path) -> None:
    older = record("parcel", RANGE, number="1", modified="2024-01-01T00:00:00Z")
    newer = record("parcel", RANGE, number="2", modified="2024-10-10T00:00:00Z")
    loaded = load_snapshot(snapshot(tmp_path, newer, older))
    assert (loaded.commit, loaded.records) == (COMMIT, 2)
    assert loaded.newest == dt.datetime(2024, 10, 10, tzinfo=dt.UTC)
    assert loaded.age_days(dt.datetime(2024, 10, 20, tzinfo=dt.UTC)) == 10
    with pytest.raises(CouldNotRun, match="clock is earlier"):
        loaded.age_days(dt.datetime(2024, 10, 9, tzinfo=dt.UTC))


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([("db/README", "nothing")], "no record"),
        ([("db/vulns/a/x.yaml", "id: [")], "not YAML"),
        ([("db/vulns/a/x.yaml", "id: A\naffected: []\n")], "no moment"),
        ([("db/vulns/a/x.yaml", "id: A\nmodified: soon\n")], "no valid moment"),
    ],
)
def test_a_snapshot_that_cannot_be_trusted_is_refused(
    tmp_path: Path, entries: list[tuple[str, str]], why: str
) -> None:
    with pytest.raises(CouldNotRun, match=why):
        load_snapshot(snapshot(tmp_path, *entries))


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_text("no archive")
    with pytest.raises(CouldNotRun, match="can't be read"):
        load_snapshot(tmp_path / "x.tar.gz")


def ask(url: str, body: object) -> dict[str, object]:
    request = urllib.request.Request(url, json.dumps(body).encode())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        return dict(json.load(answer))


def query(name: str, version: str) -> dict[str, object]:
    return {"package": {"name": name, "ecosystem": "PyPI"}, "version": version}


def test_the_endpoint_answers_only_for_the_names_of_the_audit(tmp_path: Path) -> None:
    loaded = load_snapshot(snapshot(tmp_path, record("parcel", RANGE)))
    with serve_snapshot(loaded, frozenset({"parcel"})) as url:
        found = json.dumps(ask(url, query("parcel", "1.5")))
        assert '"id": "PYSEC-2024-1"' in found
        assert '"schema_version": "1.' in found
        assert ask(url, query("parcel", "3.0")) == {}
        with pytest.raises(urllib.error.HTTPError) as unknown:
            ask(url, query("stranger", "1.0"))
        with pytest.raises(urllib.error.HTTPError) as senseless:
            ask(url, ["?"])
    with unknown.value, senseless.value:
        assert (unknown.value.code, senseless.value.code) == (404, 400)
