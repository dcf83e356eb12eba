"""What the pages need to know of the bus."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class BusStatus(Protocol):
    """The state of a bus, as the app sees it."""

    def ready(self) -> Sequence[str]:
        """Why it can't take traffic now, one reason each; empty when it can."""
        ...

    def health(self) -> Mapping[str, object]:
        """What `/health` shows besides the status, as JSON values; storage durability at least."""
        ...
