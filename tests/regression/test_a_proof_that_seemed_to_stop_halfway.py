"""`audit verify` said of a whole file that was intact that 2 % of it had been verified."""

from pathlib import Path

from click.testing import CliRunner

from arqonbus.audit.export import Header, Writer
from arqonbus.audit.records import GENESIS, Entry, sealed
from arqonbus.cli.main import main


def test_the_last_that_is_told_is_all_of_it(tmp_path: Path) -> None:
    record = sealed(Entry("audit", "begin", 1), 1, GENESIS)
    head = record["hash"]
    file = tmp_path / "audit.jsonl"
    with file.open("wb") as out:
        writer = Writer(out, Header(bus="b", epoch="e", first=1, last=1, head=head, seq=1))
        writer.write(record)
        writer.finish()
    result = CliRunner().invoke(main, ["audit", "verify", str(file)])
    assert result.exit_code == 0
    size = file.stat().st_size
    assert result.stderr.splitlines()[-1] == f"verified: {size:,} of {size:,} bytes (100 %)"
