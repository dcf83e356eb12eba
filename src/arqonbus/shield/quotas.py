"""How many of a thing a principal and a tenant may have at a time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from arqonbus.errors import LimitError

if TYPE_CHECKING:
    from arqonbus.model.principal import Principal


class Quota:
    """What is in use, by principal and tenant, as far as it is limited: by the settings
    ``NAME_per_principal`` and ``NAME_per_tenant``. Whoever has nothing is not known.
    """

    def __init__(self, name: str, per_principal: int | None, per_tenant: int | None) -> None:
        self._name = name
        self._most = {"principal": per_principal, "tenant": per_tenant}
        self._used: Counter[tuple[str, ...]] = Counter()

    def __len__(self) -> int:
        return len(self._used)

    def take(self, principal: Principal, client_id: str, count: int = 1) -> None:
        """Use so many more, or none.

        Raises:
            LimitError: that would be too many.
        """
        keys = self._keys(principal, client_id)
        for scope, key in keys.items():
            most = self._most[scope]
            if most is not None and self._used[key] + count > most:
                raise LimitError(
                    f"{self._name}_per_{scope}", f"this {scope} may have {most} at a time"
                )
        self._used.update(dict.fromkeys(keys.values(), count))

    def give(self, principal: Principal, client_id: str, count: int = 1) -> None:
        """Use so many less."""
        for key in self._keys(principal, client_id).values():
            self._used[key] -= count
            if self._used[key] <= 0:
                del self._used[key]

    def _keys(self, principal: Principal, client_id: str) -> dict[str, tuple[str, ...]]:
        """Whoever is anonymous is a principal of its own."""
        who = ("anonymous", client_id) if principal.anonymous else ("subject", principal.subject)
        keys = {"principal": (principal.tenant, *who), "tenant": (principal.tenant,)}
        return {scope: key for scope, key in keys.items() if self._most[scope] is not None}
