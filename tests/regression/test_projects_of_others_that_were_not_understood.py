"""What real projects, judged with no configuration, showed: namespaces, vendored crates, locks."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from checks_support import ROOT, SHA, make_context, make_project

from checks.context import Artifacts
from checks.gates.secrets import SecretsGate
from checks.gates.shadowing import ShadowingGate
from checks.gates.wheel import CONTENTS, WheelGate
from checks.manifest import build_manifest
from checks.model import CouldNotRun, NotApplicable, Status
from checks.runner import judge
from checks.wheels.archive import read_wheel
from checks.wheels.contents import expected_of, foreign_members, py_typed
from checks.wheels.packing import base_members, describe, pack

if TYPE_CHECKING:
    from pathlib import Path

HEAD = '[project]\nname = "{}"\nversion = "1"\n'


def tree(root: Path, *files: str, name: str = "parcel") -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    (root / "pyproject.toml").write_text(HEAD.format(name))
    return root


def packed(
    tmp_path: Path, members: dict[str, str], *, name: str = "parcel", remove: tuple[str, ...] = ()
) -> Path:
    description = describe({"name": name, "members": members, "remove": remove})
    return pack(description, tmp_path / "wheels")


def not_built() -> Artifacts:
    raise CouldNotRun("the build exited 1")


@pytest.mark.parametrize("file", ["packaging/mail/__init__.py", "packaging/mail.py"])
def test_a_namespace_in_a_flat_layout_is_found(tmp_path: Path, file: str) -> None:
    project = tree(tmp_path, file, "test_mail.py", name="packaging.mail")
    assert build_manifest(project).packages == ("packaging",)


@pytest.mark.parametrize(
    ("file", "found"),
    [("packaging/mail/__init__.py", set()), ("packaging/__init__.py", {"packaging"})],
)
def test_a_namespace_shadows_nobody_and_a_package_does(
    tmp_path: Path, file: str, found: set[str]
) -> None:
    project = tree(tmp_path / "project", f"src/{file}", name="packaging.mail")
    context = make_context(project, tmp_path / "work", own=False, artifacts=not_built)
    assert {one.context for one in ShadowingGate().check(context).findings} == found


def test_a_build_that_fails_does_not_silence_what_the_tree_shows(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    (project / "src/json.py").touch()
    context = make_context(project, tmp_path / "work", own=False, artifacts=not_built)
    gate = ShadowingGate()
    output = gate.check(context)
    assert [one.rule for one in output.findings] == ["shadowing.stdlib"]
    assert judge(gate, output, gate.rules)[0] is Status.COULD_NOT_RUN


def test_each_package_of_a_namespace_says_that_it_is_typed(tmp_path: Path) -> None:
    project = tree(tmp_path / "project", "src/post/mail/__init__.py", name="post.mail")
    expected = expected_of(build_manifest(project))
    members = {"post/mail/__init__.py": "", "post/mail/py.typed": "", "post/box/__init__.py": ""}
    wheel = read_wheel(packed(tmp_path, members, name="post.mail"))
    said = [one.context for one in py_typed(wheel, expected)]
    assert said == ["post/box/py.typed"]


def test_crates_that_cargo_vendored_are_left_out_and_named(tmp_path: Path) -> None:
    vendored = ("vendor/serde/Cargo.toml", "vendor/serde/.cargo-checksum.json")
    own = ("Cargo.toml", "src/lib.rs", "parcel/__init__.py")
    project = tree(tmp_path, *vendored, "vendor/serde/src/lib.rs", *own)
    manifest = build_manifest(project)
    assert manifest.rust == {"src/lib.rs"}
    assert any("vendor/serde" in one for one in manifest.doubts)


def test_requirements_with_hashes_are_a_lock_and_others_are_not(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    (project / "requirements.txt").write_text("packaging>=20\n")
    assert build_manifest(project).lock is None
    (project / "requirements.txt").write_text(f"packaging==24.0 --hash=sha256:{SHA}\n")
    manifest = build_manifest(project)
    assert (manifest.lock, manifest.locked) == ("requirements.txt", {"packaging": "24.0"})
    assert any("requirements.txt" in one for one in manifest.doubts)


@pytest.mark.parametrize(
    ("file", "command"),
    [("pdm.lock", "pdm export"), ("README", "pip-compile")],
)
def test_who_has_no_runtime_lock_is_told_how_to_make_one(
    tmp_path: Path, file: str, command: str
) -> None:
    project = make_project(tmp_path / "project")
    (project / file).touch()
    with pytest.raises(NotApplicable, match=command):
        make_context(project, tmp_path / "work", own=False).lock_file()


def test_the_own_lock_is_where_it_was() -> None:
    assert build_manifest(ROOT).lock == "policies/lock/runtime.txt"
    assert build_manifest(ROOT).doubts == ()


@pytest.mark.parametrize(
    ("source", "pure", "found"),
    [
        ("src/parcel/fast.c", "false", set()),
        ("src/parcel/fast.c", "true", {"parcel/fast.cpython-311.so"}),
        ("src/parcel/fast.py", "false", {"parcel/fast.cpython-311.so"}),
    ],
    ids=["from its source", "in a wheel for every platform", "in a module's place"],
)
def test_a_compiled_module_comes_from_source_of_its_name(
    tmp_path: Path, source: str, pure: str, found: set[str]
) -> None:
    base = [f"src/{name}" for name in base_members("parcel")]
    expected = expected_of(build_manifest(tree(tmp_path / "project", *base, source)))
    wheel = read_wheel(
        packed(
            tmp_path,
            {
                source.removeprefix("src/"): "",
                "parcel/fast.cpython-311.so": "",
                "parcel-1.0.dist-info/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: {pure}\n",
            },
        )
    )
    assert {one.context for one in foreign_members(wheel, expected)} == found


def test_a_single_module_is_the_wheels_top_level(tmp_path: Path) -> None:
    project = tree(tmp_path / "project", "parcel.py")
    wheel = packed(tmp_path, {"parcel.py": "VALUE = 1\n"}, remove=base_members("parcel"))
    artifacts = Artifacts(wheel, wheel)
    context = make_context(project, tmp_path / "work", own=False, artifacts=lambda: artifacts)
    assert CONTENTS not in {one.rule for one in WheelGate().check(context).findings}


def test_a_secret_in_the_tree_is_told_when_nothing_can_be_built(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    key = "-----BEGIN RSA " + "PRIVATE KEY-----"
    (project / "key.pem").write_text(f"{key}\n")
    context = make_context(project, tmp_path / "work", own=False, artifacts=not_built)
    gate = SecretsGate()
    output = gate.check(context)
    assert {one.location.path for one in output.findings if one.location} == {"key.pem"}
    assert judge(gate, output, gate.rules)[0] is Status.COULD_NOT_RUN


def test_a_commit_that_a_hook_is_pinned_to_is_no_secret(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    commit = hashlib.sha256(b"gates").hexdigest()[:40]
    pinned = f"repos:\n  - repo: gates\n    rev: {commit}\n"
    (project / ".pre-commit-config.yaml").write_text(pinned)
    (project / "settings.yaml").write_text(pinned)
    context = make_context(project, tmp_path / "work", own=False, artifacts=not_built)
    found = SecretsGate().check(context).findings
    assert [one.location.path for one in found if one.location] == ["settings.yaml"]


@pytest.mark.parametrize(("file", "told"), [("src/__init__.py", True), ("src/parcel.py", False)])
def test_a_package_that_the_build_renames_is_told(tmp_path: Path, file: str, told: bool) -> None:
    doubts = build_manifest(tree(tmp_path, file, "src/mail.py")).doubts
    assert any("src is itself a package" in one for one in doubts) is told
