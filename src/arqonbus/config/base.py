"""What all sections of the settings are made of. Durations are in seconds, sizes in bytes."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB
DAY: Final = 86_400.0


def _none_from_word(value: object) -> object:
    """TOML and the environment have no null; the words ``none`` and ``off`` stand for it."""
    if isinstance(value, str) and value.strip().lower() in {"none", "off"}:
        return None
    return value


def from_commas(value: object) -> object:
    """The environment has no arrays; an empty name in the list is a mistake, not nothing."""
    if isinstance(value, str):
        value = tuple(part.strip() for part in value.split(","))
    elif isinstance(value, Path):
        value = (value,)
    if isinstance(value, (tuple, list)) and any(part in ("", Path()) for part in value):
        raise ValueError("holds an empty name")
    return value


Most = Annotated[
    Annotated[int, Field(ge=1, le=1_000_000_000)] | None, BeforeValidator(_none_from_word)
]
Port = Annotated[int, Field(ge=0, le=65_535)]
OffOr = BeforeValidator(_none_from_word)
Names = Annotated[tuple[str, ...], BeforeValidator(from_commas)]
Files = Annotated[tuple[Path, ...], BeforeValidator(from_commas)]


class Section(BaseModel):
    """What all groups of settings have in common."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,  # a rejected value may be a secret
        allow_inf_nan=False,  # an infinite or not-a-number duration compares as no limit at all
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_as_number(cls, value: object, info: ValidationInfo) -> object:
        """``port = true`` would otherwise be port 1."""
        wanted = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and wanted is not bool:
            raise ValueError("a boolean is not a value of this setting")
        return value
