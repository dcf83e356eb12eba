"""What two tenants call the same, or what counts for both, met somewhere on its way."""

from __future__ import annotations

from support.redis_store import fresh_prefix, store
from support.valkey import Valkey
from support.whole_bus import Client, living
from unit.arqonbus.gateway.fakes import NOON

from arqonbus.model.address import Address
from arqonbus.model.principal import Principal
from arqonbus.revocation.records import SubjectRevoked
from arqonbus.storage.redis.streams import lost

MEMORY = {"storage": {"backend": "memory"}}
RC = {"room": "r", "channel": "c"}
LATER = "2026-01-01T13:00:00Z"


async def test_streams_of_one_name_shared_their_keys_in_redis(valkey: Valkey) -> None:
    addresses = [Address("r", "c"), Address("a/r", "c"), Address("b/r", "c")]
    prefix = fresh_prefix()
    first = store(valkey, prefix=prefix)
    await first.open()
    for address in addresses:
        await first.create(address, "0123456789")
    assert await first.delete(addresses[1])
    await first.close()
    again = store(valkey, prefix=prefix)
    assert {info.address for info in await again.open()} == {addresses[0], addresses[2]}
    await again.close()


async def test_numbers_of_delayed_messages_told_how_many_others_keep() -> None:
    now = NOON
    async with living(MEMORY, lambda: now) as app:
        mine, other = (Client(app, Principal("alice", tenant)) for tenant in ("a", "b"))
        numbers = []
        for turn in range(2):
            message = {"type": "message", **RC, "payload": turn, "deliver_at": LATER}
            for client in (other, mine):
                await client.ask(**message, id=f"m{turn}")
            now -= 1_000_000
        listed = await mine.call("delayed.list", **RC)
        numbers = [one["number"] for one in listed["messages"]]
        assert numbers == [NOON, NOON + 1]


async def test_an_id_with_a_nul_reached_into_another_subjects_scope() -> None:
    async with living(MEMORY, lambda: NOON) as app:
        owner, nobody = Client(app, Principal("alice")), Client(app)
        kept = await owner.ask(type="message", **RC, payload=1, id="m", deliver_at=LATER)
        assert kept["type"] == "ack"
        args = {**RC, "id": "alice\0m"}
        answer = await nobody.ask(type="command", command="delayed.cancel", args=args)
        assert answer["error_code"] == "VALIDATION_ERROR"
        assert len((await owner.call("delayed.list", **RC))["messages"]) == 1


async def test_a_revocation_counted_connections_of_other_tenants() -> None:
    async with living(MEMORY, lambda: NOON) as app:
        for tenant in ("a", "b"):
            Client(app, Principal("alice", tenant, issued_at=1.0))
        closed = [
            await app.services.revocations.revoke(
                SubjectRevoked(tenant=tenant, subject="alice", before=2.0)
            )
            for tenant in ("b", "a")
        ]
        assert closed == [1, 1]


def test_the_reason_that_everybody_is_told_named_a_stream() -> None:
    error = lost(Address("a/secret-room", "c"))
    assert "secret-room" not in error.message
    assert "a/secret-room:c" in str(error)


def test_the_operators_lines_did_not_say_whose_stream_it_is() -> None:
    address = Address("a/r", "c")
    assert (address.path, str(address)) == ("a/r:c", "r:c")
