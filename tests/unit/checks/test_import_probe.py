from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from checks_support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PROBE = ROOT / "checks/probes/import_modules.py"
FILES = {
    "helper/__init__.py": "",
    "helper/part.py": "",
    "parcel/__init__.py": "",
    "parcel/first.py": "import helper.part\nimport parcel\nparcel.given = 1\n",
    "parcel/second.py": "import parcel\nparcel.given\n",
    "parcel/third.py": "import nowhere_at_all\n",
}


def probe(tmp_path: Path, *options: str) -> dict[str, Any]:  # Any: JSON
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    names = ["parcel", "parcel.first", "parcel.second", "parcel.third"]
    command = [sys.executable, "-I", str(PROBE), "--site", str(tmp_path), *options, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    modules: dict[str, Any] = answer["modules"]
    for one in modules.values():
        assert not one["loaded"].items() & answer["common"].items()
        one["loaded"] |= answer["common"]
    return modules


def test_what_others_bring_may_be_loaded_before_and_nothing_of_the_package(tmp_path: Path) -> None:
    for options in ((), ("--others-first", "parcel")):
        answer = probe(tmp_path, *options)
        assert answer["parcel"]["error"] is None
        assert answer["parcel.first"]["error"] is None
        assert answer["parcel.first"]["loaded"]["helper.part"] == str(
            (tmp_path / "helper/part.py").resolve()
        )
        # Works only after another module was imported: found either way.
        assert "has no attribute 'given'" in answer["parcel.second"]["error"]
        assert "nowhere_at_all" in answer["parcel.third"]["error"]


def test_a_stranger_that_imports_the_package_ends_the_probe(tmp_path: Path) -> None:
    (tmp_path / "helper").mkdir()
    files = {**FILES, "helper/part.py": "import parcel\n"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    command = [sys.executable, "-I", str(PROBE), "--site", str(tmp_path)]
    command += ["--others-first", "parcel", "parcel", "parcel.first"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "nothing is proven" in done.stderr
