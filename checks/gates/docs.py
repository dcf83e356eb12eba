"""The gate `docs`: what the pages tell readers to type works as it is written."""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from checks.build import source_files
from checks.docs.account import STALE, UNACCOUNTED, UNPARSEABLE
from checks.docs.judge import COMMAND_FAILED, LINK, OUTPUT, judge
from checks.docs.policy import FILE, read_demands
from checks.docs.sandbox import (
    Sandbox,
    can_be_alone,
    make_library,
    ports_held,
    require_tools,
)
from checks.environments import make_environment
from checks.kept import digest_artifacts, digest_files, digest_texts
from checks.model import NotApplicable
from checks.specimens import digest, discover

if TYPE_CHECKING:
    from collections.abc import Iterator

    from checks.context import Context
    from checks.model import GateOutput, SpecimenOutcome

_READ = (".md", ".sh")
_SHARED = (
    "the kernel gave the pages no network of their own: they ran one after another on this "
    "machine's, with the ports that they name held for them"
)


class DocsGate:
    """Account for every block of the pages, and run them against the installed wheel."""

    name = "docs"
    title = "Commands and examples in the pages run as written, and links lead somewhere"
    rules: tuple[str, ...] = (UNACCOUNTED, COMMAND_FAILED, OUTPUT, UNPARSEABLE, STALE, LINK)

    def inputs(self, context: Context) -> str:
        """Digest the pages and scripts, the names of all that links may lead to, and the wheel."""
        names = source_files(context.project)
        read = [one for one in names if one.endswith(_READ) or one.startswith("scripts/")]
        files = digest_files(context.project, read)
        policy = digest(context.settings_file(FILE))
        return digest_texts([files, *sorted(names), policy, digest_artifacts(context)])

    def check(self, context: Context) -> GateOutput:
        """Judge the project's pages.

        Raises:
            NotApplicable: another project without a policy for its pages, or without a lock.
            NotEvaluated: the ports that pages name are taken, and there is no network apart.
            CouldNotRun: what pages need is not here, or the policy can't be read.
        """
        demands = read_demands(context.settings_file(FILE))
        if context.manifest.lock is None:
            raise NotApplicable("the project has no runtime lock to install from")
        require_tools(demands)
        lock, wheel = context.project / context.manifest.lock, context.artifacts().wheel
        python = make_environment(context, lock, extra=[wheel], name="cleanroom")
        alone = can_be_alone()
        with (
            _place(context) as work,
            nullcontext() if alone else ports_held(demands, context.cache),
        ):
            library = make_library(demands.modules, work / "library")
            sandbox = Sandbox(context.project, python.parent, library, alone)
            output = judge(context.project, demands, sandbox, work)
        return output if alone else replace(output, notes=(_SHARED,))

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Judge each specimen's folder as a project, by the policy in it."""
        alone = can_be_alone()
        with _place(context) as work:
            outcomes = []
            library = make_library((), work / "library")
            for number, one in enumerate(discover(context.policies, self.name)):
                sandbox = Sandbox(one.path, Path(sys.executable).parent, library, alone)
                demands = read_demands(one.path / FILE)
                output = judge(one.path, demands, sandbox, work / f"specimen-{number}")
                fired = one.rule in {finding.rule for finding in output.findings}
                outcomes.append(one.outcome(fired=fired))
            return tuple(outcomes)


@contextmanager
def _place(context: Context) -> Iterator[Path]:
    """Have a folder of this run for as long as it takes."""
    context.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=context.work, prefix="docs-") as work:
        yield Path(work)
