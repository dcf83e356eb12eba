"""What the gate's rules say of its specimens.

A specimen is the evidence of a run as JSON, with the policy that it is held against and the test
files that the project has; or the folder of a small project with a policy on mutants of its own.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from checks.model import CouldNotRun
from checks.suites import mutation
from checks.suites.evidence import Evidence
from checks.suites.judgement import judge
from checks.suites.policy import make_policy

if TYPE_CHECKING:
    from checks.specimens import Specimen


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of this gate's specimens."""

    policy: dict[str, object]
    files: tuple[str, ...]
    evidence: Evidence


def fired(specimen: Specimen, work: Path) -> frozenset[str]:
    """Return the rules that fire on a specimen.

    Raises:
        CouldNotRun: it is none, or its tests fail without any fault.
    """
    if specimen.path.is_dir():
        with tempfile.TemporaryDirectory(dir=work) as folder:
            file = specimen.path / mutation.FILE
            sample = mutation.take_sample(specimen.path, Path(folder), file)
        return frozenset(one.rule for one in sample.findings)
    try:
        example = msgspec.json.decode(specimen.path.read_bytes(), type=Example)
    except msgspec.MsgspecError as error:
        raise CouldNotRun(f"{specimen.name} is no specimen: {error}") from error
    found = judge(example.evidence, make_policy(example.policy), example.files)
    return frozenset(one.rule for one in found)
