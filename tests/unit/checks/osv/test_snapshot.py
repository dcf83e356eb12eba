from __future__ import annotations

import datetime as dt
import io
import json
import tarfile
import urllib.error
import urllib.request
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from checks.model import CouldNotRun
from checks.osv.endpoint import serve_snapshot
from checks.osv.snapshot import load_snapshot

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
PLAIN = {
    "id": "GHSA-1",
    "modified": "2024-10-10T17:00:00Z",
    "affected": [
        {"package": {"name": "Big_Parcel", "ecosystem": "PyPI"}, "versions": ["1.0", "1.10"]},
        {"package": {"name": "parcel", "ecosystem": "npm"}, "versions": ["1.0"]},
    ],
}


def export(folder: Path, *records: object, more: str = "") -> Path:
    """OSV's own archive: JSON, no folders."""
    path = folder / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, one in enumerate(records):
            archive.writestr(f"GHSA-{number}.json", json.dumps(one))
        if more:
            archive.writestr(more, "{}")
    return path


def test_a_listed_version_is_a_text(tmp_path: Path) -> None:
    # Unquoted on purpose: as a YAML number 1.10 would be 1.1.
    loaded = load_snapshot(snapshot(tmp_path, record("parcel", "  versions: [1.10]\n")))
    assert loaded.affecting("parcel", "1.10")
    assert not loaded.affecting("parcel", "1.1")


def test_names_are_compared_in_their_canonical_form(tmp_path: Path) -> None:
    loaded = load_snapshot(snapshot(tmp_path, record("Big_Parcel", "  versions: ['1.0']\n")))
    assert loaded.affecting("big-parcel", "1.0")


def test_an_export_is_read_and_another_ecosystems_package_is_not_ours(tmp_path: Path) -> None:
    loaded = load_snapshot(export(tmp_path, PLAIN))
    assert (loaded.records, loaded.commit) == (1, None)
    assert loaded.affecting("big.parcel", "1.10")
    assert not loaded.affecting("parcel", "1.0")


def test_withdrawn_records_are_left_out_but_counted(tmp_path: Path) -> None:
    gone = record("parcel", RANGE, extra="withdrawn: '2024-01-01T00:00:00Z'\n")
    loaded = load_snapshot(snapshot(tmp_path, gone))
    assert (loaded.records, loaded.withdrawn) == (1, 1)
    assert not loaded.affecting("parcel", "1.5")


def test_commit_newest_and_age_are_told(tmp_path: Path) -> None:
    older = record("parcel", RANGE, number="1", modified="2024-01-01T00:00:00Z")
    newer = record("parcel", RANGE, number="2", modified="2024-10-10T00:00:00.5Z")
    loaded = load_snapshot(snapshot(tmp_path, newer, older))
    assert (loaded.commit, loaded.records) == (COMMIT, 2)
    assert loaded.newest == dt.datetime(2024, 10, 10, 0, 0, 0, 500_000, tzinfo=dt.UTC)
    assert loaded.age_days(dt.datetime(2024, 10, 21, tzinfo=dt.UTC)) == 10
    with pytest.raises(CouldNotRun, match="clock is earlier"):
        loaded.age_days(dt.datetime(2024, 10, 10, tzinfo=dt.UTC))


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("db/vulns/.id-allocator", "x", "no record"),
        ("db/vulns/a/x.yaml", "id: [", "not YAML"),
        ("db/vulns/a/x.json", "{", "not JSON"),
        ("db/vulns/a/x.yaml.gz", "", "is none"),
        ("db/vulns/a/x.yaml", "", "can't be read"),
        ("db/README", "nothing", "is none"),
    ],
)
def test_a_file_that_is_no_record_is_not_passed_over(
    tmp_path: Path, name: str, text: str, why: str
) -> None:
    with pytest.raises(CouldNotRun, match=why):
        load_snapshot(snapshot(tmp_path, (name, text)))


def test_a_link_among_the_records_is_not_passed_over(tmp_path: Path) -> None:
    path = snapshot(tmp_path)
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("db/vulns/a/x.yaml")
        link.type, link.linkname = tarfile.SYMTYPE, "y.yaml"
        archive.addfile(link)
    with pytest.raises(CouldNotRun, match="no plain file"):
        load_snapshot(path)


def test_files_beside_the_records_are_of_no_matter(tmp_path: Path) -> None:
    entries = [record("parcel", RANGE), ("db/LICENSE", "text"), ("db/setup.yaml", "a: b")]
    assert load_snapshot(snapshot(tmp_path, *entries)).records == 1
    assert load_snapshot(export(tmp_path, PLAIN, more="vulns/")).records == 1


@pytest.mark.parametrize("text", [b"no archive", b"PK\x03\x04", b"\x1f\x8b\x08\x00"])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "x.tar.gz").write_bytes(text)
    with pytest.raises(CouldNotRun, match="can't be read"):
        load_snapshot(tmp_path / "x.tar.gz")


def test_an_archive_that_breaks_off_is_refused(tmp_path: Path) -> None:
    whole = snapshot(tmp_path, record("parcel", RANGE)).read_bytes()
    (tmp_path / "x.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CouldNotRun, match="can't be read"):
        load_snapshot(tmp_path / "x.tar.gz")


def ask(url: str, body: object) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        return dict(json.load(answer))


def query(name: str, version: str, ecosystem: str = "PyPI") -> dict[str, object]:
    return {"package": {"name": name, "ecosystem": ecosystem}, "version": version}


def test_the_endpoint_answers_only_what_the_audit_is_about(tmp_path: Path) -> None:
    loaded = load_snapshot(snapshot(tmp_path, record("parcel", RANGE)))
    refused = []
    with serve_snapshot(loaded, {"parcel": "1.5", "other": "3.0"}) as url:
        (found,) = ask(url, query("Parcel", "1.5.0"))["vulns"]
        assert ask(url, query("other", "3.0")) == {}
        for body in (
            query("stranger", "1.0"),
            query("parcel", "1.6"),
            query("parcel", "1.5", "npm"),
            ["?"],
            query(1, "1.0"),  # type: ignore[arg-type]  # what a broken caller sends
        ):
            with pytest.raises(urllib.error.HTTPError) as caught:
                ask(url, body)
            with caught.value as error:
                refused.append(error.code)
    assert found["id"] == "PYSEC-2024-1"
    assert found["schema_version"].startswith("1.")
    assert refused == [404, 404, 404, 400, 400]


def test_the_endpoint_never_pages(tmp_path: Path) -> None:
    many = [record("parcel", RANGE, number=str(number)) for number in range(1_500)]
    with serve_snapshot(load_snapshot(snapshot(tmp_path, *many)), {"parcel": "1.5"}) as url:
        answer = ask(url, query("parcel", "1.5"))
    assert set(answer) == {"vulns"}
    assert len(answer["vulns"]) == 1_500
