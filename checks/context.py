"""What every gate is given: the project, the policies, the manifest and places to work in."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks.lock import why_no_lock
from checks.model import CouldNotRun, NotApplicable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from checks.manifest import Manifest
    from checks.model import Mode


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The built files that are judged; both come from one build."""

    wheel: Path
    sdist: Path


@dataclass(frozen=True, slots=True)
class Context:
    """What a gate works with.

    `project` is the tree under check, `policies` the rules and specimens, `work` a scratch folder
    of this run, `cache` one that survives runs (environments keyed by lock hash).

    `artifacts` builds the wheel and the sdist on first use (thread-safe, once a run) and returns
    them. `own` is true when the project is the one these checks belong to.
    """

    project: Path
    policies: Path
    manifest: Manifest
    mode: Mode
    work: Path
    cache: Path
    own: bool
    source_date_epoch: int
    artifacts: Callable[[], Artifacts]
    advisories: Path | None = None

    def settings_file(self, name: str) -> Path:
        """Return the policy file of that name which is about the project, not about the gates.

        Another project's own ``policies/`` comes first; without it the starter policy speaks.

        Raises:
            NotApplicable: there is neither.
        """
        places = [self.project / "policies", self.policies / "starter"]
        for place in [self.policies] if self.own else places:
            if (place / name).is_file():
                return place / name
        raise NotApplicable(f"the project has no policies/{name}")

    def artifacts_or_why(self) -> tuple[Artifacts | None, str]:
        """Return what was built, or why nothing could be: for a gate that also reads the tree."""
        try:
            return self.artifacts(), ""
        except CouldNotRun as error:
            return None, str(error)

    def lock_file(self, *, empty: bool = False) -> Path:
        """Return the runtime lock as a file of requirements with hashes; with `empty` of none, too.

        Another tool's is written into `work`; several gates may ask at once.

        Raises:
            NotApplicable: there is none, and the reason says how one is made; or it pins nothing.
            CouldNotRun: there is one that can't be understood.
        """
        if self.manifest.lock_problem:
            raise CouldNotRun(self.manifest.lock_problem)
        if self.manifest.lock is None:
            raise NotApplicable(why_no_lock(self.project))
        if not self.manifest.locked and not self.own and not empty:
            raise NotApplicable(f"{self.manifest.lock} names nothing that the project needs")
        own = self.project / self.manifest.lock
        if own.suffix == ".txt":
            return own
        path = self.work / "runtime-lock.txt"
        part = path.with_suffix(f".{threading.get_ident()}")
        part.write_text(self.manifest.requirements, "utf-8")
        return part.replace(path)
