"""What is wrong with a configuration: always all of it at once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arqonbus.config.load import Loaded


class ConfigError(Exception):
    """A configuration that the bus must not start with.

    Attributes:
        problems: One line a problem; never a value, since a value may be a secret.
        usable: What could be read although some names are unknown, so that a caller can report
            the preflight's problems too; None when the values themselves are wrong.
    """

    def __init__(self, problems: Sequence[str], usable: "Loaded | None" = None) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)
        self.usable = usable
