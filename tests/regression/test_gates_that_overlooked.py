"""Two gates passed what they had not looked at."""

from __future__ import annotations

from email import message_from_bytes
from pathlib import Path

from unit.checks.gates.lying import judged
from unit.checks.gates.test_architecture import contracts, could_not_run
from unit.checks.gates.test_dependencies import Here, parcel

from checks.gates.dependencies import SUPPRESSED
from checks.model import Status
from checks.wheels import contents
from checks.wheels.archive import read_wheel
from checks.wheels.contents import _said
from checks.wheels.packing import describe, pack


def test_a_misspelt_optional_layer_is_no_contract_kept(tmp_path: Path) -> None:
    body = 'layers = ["parcel.high", "(parcel.lwo)"]\n'
    said = could_not_run(tmp_path, {}, contracts(("layers", body)))
    assert said == "contract 'c0' names parcel.lwo: no such module"


def test_a_file_that_deptry_can_not_parse_is_no_pass(tmp_path: Path) -> None:
    context = parcel(tmp_path, **{"src/parcel/bad.py": "import nowhere_to_be\ndef (\n"})
    result = judged(Here(), context, SUPPRESSED)
    assert result.status is Status.COULD_NOT_RUN
    assert "bad.py" in result.reason


def test_an_author_whose_name_is_not_ascii_stopped_the_gate() -> None:
    text = b"Name: parcel\nVersion: 1.0\nAuthor-email: Frost Ming <mianghong@gmail.com>\n"
    text = text.replace(b"Frost Ming", "Sébastien".encode("latin-1"))
    head = message_from_bytes(text)
    assert not isinstance(head["Author-email"], str)
    assert _said(head["Author-email"])


def test_a_maintainer_alone_was_taken_for_nobody(tmp_path: Path) -> None:
    described = {"metadata": {"Author-email": "", "Author": "", "Maintainer-email": "a@b.c"}}
    wheel = read_wheel(pack(describe(described), tmp_path))
    found = contents.metadata(wheel, contents.Expected("example", "1.0", ("example",), {}))
    assert not [one for one in found if "Author" in one.message]
