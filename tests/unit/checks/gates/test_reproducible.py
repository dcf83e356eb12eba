from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from checks.context import Artifacts
from checks.gates.reproducible import SDIST, WHEEL, compare

if TYPE_CHECKING:
    from pathlib import Path

    from checks.model import Finding


def wheel(folder: Path, members: dict[str, str], *, year: int = 2020) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "parcel-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), text)
    return path


def sdist(folder: Path, members: dict[str, str], *, mode: int = 0o644) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "parcel-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(text), mode
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def found(wheels: tuple[Path, Path], sdists: tuple[Path, Path]) -> list[Finding]:
    pairs = (Artifacts(wheels[0], sdists[0]), Artifacts(wheels[1], sdists[1]))
    return list(compare(*pairs))


def test_what_differs_is_named(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    base = {"x.py": "1", "y.py": "2"}
    wheels = (wheel(a, base), wheel(b, {"x.py": "9", "z.py": "2"}))
    (finding,) = found(wheels, (sdist(a, base), a / "parcel-1.0.tar.gz"))
    assert finding.rule == WHEEL
    assert finding.message == (
        "the wheel differs in x.py (content); y.py (in one of them only); "
        "z.py (in one of them only)"
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"year": 2021}, "x.py (time, mode or owner)"),
        ({"members": {"y.py": "2", "x.py": "1"}}, "the members' order"),
    ],
)
def test_headers_and_order_count(tmp_path: Path, change: dict[str, object], told: str) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    base = {"x.py": "1", "y.py": "2"}
    other = wheel(b, **{"members": base, **change})  # type: ignore[arg-type]  # of the two cases
    archive = sdist(a, base)
    (finding,) = found((wheel(a, base), other), (archive, archive))
    assert told in finding.message


def test_the_sdists_modes_count(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    base = {"x.py": "1"}
    same = wheel(a, base)
    (finding,) = found((same, same), (sdist(a, base), sdist(b, base, mode=0o600)))
    assert finding.rule == SDIST
    assert "x.py (time, mode or owner)" in finding.message
