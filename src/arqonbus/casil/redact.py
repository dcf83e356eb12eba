"""Finds taken out of a message; its JSON keeps its shape."""

from __future__ import annotations

from collections.abc import Mapping

Path = tuple[str | int, ...]


def redacted(
    parts: Mapping[str, object], values: Mapping[Path, str], names: Mapping[Path, str]
) -> dict[str, object]:
    """The parts that change: each value at a path becomes its mark, and so does each name.

    A value is replaced as a whole, since only its undisguised form tells where the find is.
    """
    touched = {str(path[0]) for path in (*values, *names)}
    replacing = _Replacing(values, names)
    return {name: replacing.of(parts[name], (name,)) for name in parts if name in touched}


class _Replacing:
    """One pass; recursion is bounded by the depth that the engine checked."""

    def __init__(self, values: Mapping[Path, str], names: Mapping[Path, str]) -> None:
        self._values = values
        self._names = names

    def of(self, value: object, path: Path) -> object:
        """The value at `path` without what is to go."""
        if path in self._values:
            return self._values[path]
        if isinstance(value, dict):
            return self._of_object(value, path)
        if isinstance(value, list | tuple):
            return [self.of(item, (*path, at)) for at, item in enumerate(value)]
        return value

    def _of_object(self, value: dict[object, object], path: Path) -> dict[str, object]:
        kept: dict[str, object] = {}
        taken = {str(key) for key in value}
        for key, item in value.items():
            inner = (*path, str(key))
            mark = self._names.get(inner)
            name = str(key) if mark is None else _free(mark, taken)
            kept[name] = self.of(item, inner)
        return kept


def _free(mark: str, taken: set[str]) -> str:
    """A name of its own for each: no value is lost because two names got the same mark."""
    # The number of names only grows, so it is free but for a name that was chosen to collide.
    name = mark if mark not in taken else f"{mark}#{len(taken)}"
    while name in taken:
        name += "#"
    taken.add(name)
    return name
