"""The contract between the runner and a gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from checks.context import Context
    from checks.model import GateOutput, SpecimenOutcome


class Gate(Protocol):
    """``check(context) → output``; a gate never prints and never decides its own status.

    What it says of the project and what it shows on specimens are asked apart, so that each can be
    kept while nothing that went into it changes.

    The properties may be plain class attributes.
    """

    @property
    def name(self) -> str:
        """The id in the policy and on the command line."""
        ...

    @property
    def title(self) -> str:
        """What the gate shows, for people."""
        ...

    @property
    def rules(self) -> tuple[str, ...]:
        """The ids of all findings the gate may raise; each begins with the gate's name."""
        ...

    def inputs(self, context: Context) -> str | None:
        """Return a digest of all that `check` depends on beside what every gate depends on.

        That is: the checks' own code, the policies, the installed tools, Python and the platform
        are added by the runner. None when an answer may never be taken again: it asks the world
        outside, or the clock.
        """
        ...

    def check(self, context: Context) -> GateOutput:
        """Look at everything in the manifest that is this gate's.

        Raises:
            CouldNotRun: a tool crashed, skipped or was content with nothing.
            NotEvaluated: a source outside this machine is missing.
            NotApplicable: the project lacks what the gate is about.
        """
        ...

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Apply the rules to the specimens, which are no part of the project.

        Raises:
            CouldNotRun: there are none, or a tool crashed, skipped or was content with nothing.
        """
        ...
