"""The contract between the runner and a gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from checks.context import Context
    from checks.model import GateOutput


class Gate(Protocol):
    """``check(context) → output``; a gate never prints and never decides its own status.

    `name` is the id in the policy and on the command line. `rules` are the ids of all findings the
    gate may raise. `needs` names gates' products the gate waits for (today only ``"wheel"``).
    """

    name: str
    title: str
    rules: tuple[str, ...]
    needs: tuple[str, ...]

    def check(self, context: Context) -> GateOutput:
        """Look at everything in the manifest that is this gate's, and at the specimens.

        Raises:
            CouldNotRun: a tool crashed, skipped or was content with nothing.
            NotEvaluated: a source outside this machine is missing.
            NotApplicable: the project lacks what the gate is about.
        """
        ...
