"""The contract between the runner and a gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from checks.context import Context
    from checks.model import GateOutput


class Gate(Protocol):
    """``check(context) → output``; a gate never prints and never decides its own status.

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

    @property
    def needs(self) -> tuple[str, ...]:
        """The gates' products it waits for (today only ``"wheel"``)."""
        ...

    def check(self, context: Context) -> GateOutput:
        """Look at everything in the manifest that is this gate's, and at the specimens.

        Raises:
            CouldNotRun: a tool crashed, skipped or was content with nothing.
            NotEvaluated: a source outside this machine is missing.
            NotApplicable: the project lacks what the gate is about.
        """
        ...
