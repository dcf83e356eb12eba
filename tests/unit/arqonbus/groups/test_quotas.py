"""Tasks at a time: what all workers of a subject or a tenant ask for, until they leave."""

from __future__ import annotations

import pytest
from unit.arqonbus.groups.stage import Worker, life

from arqonbus.errors import ArqonBusError, LimitError
from arqonbus.model.principal import Principal


def worker(name: str, subject: str) -> Worker:
    made = Worker(name)
    made.principal = Principal(subject, "blue")
    return made


async def test_credits_of_a_subject_and_a_tenant() -> None:
    async with life(credits_per_principal=10, credits_per_tenant=15) as works:
        one, two = await works.group(), await works.group(name="h")
        ada, also, bob = worker("c_1", "ada"), worker("c_2", "ada"), worker("c_3", "bob")
        works.groups.join(one, ada, 6)
        with pytest.raises(LimitError, match=r"groups\.credits_per_principal"):
            works.groups.join(one, also, 5)
        works.groups.join(two, also, 4)
        with pytest.raises(LimitError, match=r"groups\.credits_per_tenant"):
            works.groups.join(one, bob, 6)
        works.groups.leave(one, "c_1")
        works.groups.join(one, bob, 6)
        works.groups.gone("c_2")
        works.groups.join(two, worker("c_4", "ada"), 9)


async def test_a_join_that_is_refused_takes_nothing() -> None:
    async with life(credits_per_principal=10) as works:
        group = await works.group()
        ada = worker("c_1", "ada")
        works.groups.join(group, ada, 5)
        with pytest.raises(ArqonBusError, match="joined already"):
            works.groups.join(group, ada, 5)
        works.groups.join(await works.group(name="h"), ada, 5)
