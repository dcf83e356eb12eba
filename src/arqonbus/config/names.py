"""The names of every setting, taken from the model: its path, variable, flag and default."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from arqonbus.config.base import Section
from arqonbus.config.model import Settings

ENV_PREFIX: Final = "ARQONBUS_"
ENV_CONFIG: Final = "ARQONBUS_CONFIG"  # names the file; it can't be set inside the file
MASK: Final = "********"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as people write it.

    Attributes:
        path: Dotted path in the file, such as ``auth.secret_file``.
        default: The default as it is shown to people.
        description: What it means.
    """

    path: str
    default: str
    description: str

    @property
    def env(self) -> str:
        """The environment variable."""
        return ENV_PREFIX + self.path.replace(".", "_").upper()

    @property
    def flag(self) -> str:
        """The command line flag, where there is one."""
        return "--" + self.path.replace(".", "-").replace("_", "-")


def known_settings() -> tuple[Setting, ...]:
    """Every setting, in the order of the model."""
    return tuple(
        Setting(path, shown(field.get_default()), field.description or "")
        for path, field in _leaves(Settings, "")
    )


def sections() -> frozenset[str]:
    """The paths that are tables in the file."""
    return frozenset(path.rpartition(".")[0] for path, _ in _leaves(Settings, "") if "." in path)


def _leaves(model: type[Section], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from _leaves(kind, f"{prefix}{name}.")
        else:
            yield prefix + name, field


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that looks most like ``name``: there always is one."""
    return get_close_matches(name, list(known), n=1, cutoff=0.0)[0]


def shown(value: object) -> str:
    """A value as people write it; a secret is masked, whatever it holds."""
    match value:
        case None | ():
            return "none"
        case tuple():
            return ",".join(map(shown, value))
        case bool():
            return str(value).lower()
        case SecretStr():
            return MASK
        case float() if value.is_integer():
            return str(int(value))
        case Path() | str() | int() | float():
            return str(value)
        case _:
            raise TypeError(f"no way to show a {type(value).__name__}")


def value_at(settings: Settings, path: str) -> object:
    """The value at a dotted path.

    Raises:
        KeyError: when there is no such setting.
    """
    value: object = settings
    for name in path.split("."):
        if not isinstance(value, Section):
            raise KeyError(path)
        value = dict(value)[name]
    return value
