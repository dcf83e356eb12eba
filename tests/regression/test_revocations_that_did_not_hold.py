"""What was told to be revoked was not, or not for long."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from support.shielded import bearer, member, shielded, token
from support.whole_bus import Client, living
from unit.arqonbus.gateway.fakes import NOON, FakeStorage
from unit.arqonbus.gateway.wired import Wired

from arqonbus.app.build import App
from arqonbus.commands.admin import RevokeArgs, revoke
from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.model.durability import Durability
from arqonbus.model.principal import Principal
from arqonbus.protocol.close import CloseCode
from arqonbus.revocation import engine
from arqonbus.revocation.records import SubjectRevoked, TokenRevoked
from arqonbus.routing.hub import Done

SECONDS = NOON / 1e6
MEMORY = {"storage": {"backend": "memory"}}


@pytest.fixture
async def app() -> AsyncIterator[App]:
    async with living(MEMORY, lambda: NOON) as living_app:
        yield living_app


async def refusal(app: App, **args: object) -> ArqonBusError:
    admin = Client(app, Principal("admin", "acme"))
    with pytest.raises(ArqonBusError) as caught:
        await revoke(app.services, admin.session, RevokeArgs(**args))  # type: ignore[arg-type]  # as a client would give them
    return caught.value


async def test_a_live_connection_whose_issuers_clock_is_ahead_stayed(app: App) -> None:
    ann = Client(app, Principal("ann", "acme", issued_at=SECONDS + 20))
    record = SubjectRevoked(tenant="acme", subject="ann", before=SECONDS)
    assert await app.services.revocations.revoke(record) == 1
    assert ann.connection.closed == [CloseCode.REVOKED]


async def test_a_token_revoked_until_a_time_that_is_over_was_forgotten_at_once(app: App) -> None:
    error = await refusal(app, token_id="t", until=5.0)
    assert error.code is ErrorCode.VALIDATION_ERROR
    assert not app.shield.revoked.tokens


async def test_revoking_a_token_again_shortened_what_holds(app: App) -> None:
    for until in (SECONDS + 500, SECONDS + 50):
        await app.services.revocations.revoke(
            TokenRevoked(tenant="acme", token_id="a", until=until)
        )
    for later in (None, SECONDS + 50):
        await app.services.revocations.revoke(
            TokenRevoked(tenant="acme", token_id="b", until=later)
        )
    assert app.shield.revoked.tokens == {("acme", "a"): SECONDS + 500, ("acme", "b"): None}


async def test_a_clock_that_ran_ahead_for_a_while_made_a_revoked_token_good_again() -> None:
    now = NOON
    async with living(MEMORY, lambda: now) as app:
        record = TokenRevoked(tenant="acme", token_id="t", until=SECONDS + 60)
        await app.services.revocations.revoke(record)
        now += 3_600_000_000
        await app.services.revocations._tidy()
        assert ("acme", "t") in app.shield.revoked.tokens
        now += 86_400_000_000
        await app.services.revocations._tidy()
        assert not app.shield.revoked.tokens


@pytest.mark.parametrize(
    "args", [{"subject": "e\N{COMBINING ACUTE ACCENT}"}, {"subject": "a\0"}, {"token_id": "\ud800"}]
)
async def test_what_no_token_says_was_told_revoked(app: App, args: dict[str, str]) -> None:
    assert (await refusal(app, **args)).code is ErrorCode.VALIDATION_ERROR


async def test_one_tenant_could_take_the_room_for_revoked_tokens_of_all(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "MAX_OF_TENANT", 1)
    await app.services.revocations.revoke(TokenRevoked(tenant="acme", token_id="a"))
    assert (await refusal(app, token_id="b")).code is ErrorCode.RATE_LIMITED
    app.services.revocations.check(TokenRevoked(tenant="rival", token_id="b"))


async def test_subjects_without_end_could_be_revoked(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "MAX_OF_TENANT", 1)
    ann = SubjectRevoked(tenant="acme", subject="ann", before=SECONDS)
    await app.services.revocations.revoke(ann)
    assert (await refusal(app, subject="bob")).code is ErrorCode.RATE_LIMITED
    app.services.revocations.check(ann)
    app.services.revocations.check(SubjectRevoked(tenant="rival", subject="bob", before=SECONDS))


async def test_what_could_not_be_written_afresh_was_not_tried_again(app: App) -> None:
    revocations = app.services.revocations
    await revocations.revoke(TokenRevoked(tenant="acme", token_id="a"))
    channel = app.bus.hub.own("revocations")
    # As after a loss of the stream; then nothing is stored for a while.
    revocations._journal._seen = ("another", app.bus.hub.durability)
    written, revocations._journal.put = revocations._journal.put, refuse  # type: ignore[method-assign]
    with pytest.raises(ArqonBusError):
        await revocations._tidy()
    revocations._journal.put = written  # type: ignore[method-assign]
    before = channel.last_seq
    await revocations._tidy()
    assert channel.last_seq == before + 1


def refuse(body: bytes, done: Done, require: object = None) -> None:
    del body, require
    done(ArqonBusError(ErrorCode.STORAGE_UNAVAILABLE, "away", retryable=True))


async def test_half_a_character_over_http_poisoned_the_journal(tmp_path: Path) -> None:
    async with shielded(tmp_path) as server, aiohttp.ClientSession() as session:
        for body in (b'{"token_id": "\\ud800"}', b'{"subject": "a", "subject": "b"}'):
            headers = {**bearer(token("admin")), "Content-Type": "application/json"}
            url = f"{server.http}/v1/admin/revoke"
            async with session.post(url, data=body, headers=headers) as response:
                assert response.status == 400
                assert (await response.json())["error_code"] == "VALIDATION_ERROR"


async def test_the_audit_log_did_not_say_who_was_forbidden_to_administer_over_http(
    tmp_path: Path,
) -> None:
    async with (
        shielded(tmp_path, audit_window=1) as server,
        aiohttp.ClientSession() as session,
        member(server, token("admin", "operators")) as operator,
    ):
        url = f"{server.http}/v1/admin/reload"
        async with session.post(url, headers=bearer(token("ann"))) as response:
            assert response.status == 403
        found: list[dict[str, object]] = []
        while not found:
            records = (await operator.ok("audit.read"))["records"]
            found = [one for one in records if one["kind"] == "refusal"]
        assert [(one["tenant"], one["subject"]) for one in found] == [("acme", "ann")]


async def test_a_store_that_keeps_less_than_demanded_and_holds_no_revocation_let_nobody_in() -> (
    None
):
    wired = Wired(FakeStorage(Durability.REMOTE))
    wired.bus.condition.demanded = Durability.DISK
    assert wired.bus.condition.degraded
    await wired.services.revocations.start()
    assert wired.services.revocations.problem() is None
    await wired.services.revocations.stop()


async def test_a_store_that_is_away_may_hold_revocations() -> None:
    wired = Wired(FakeStorage(Durability.MEMORY))
    wired.bus.condition.demanded = Durability.DISK
    await wired.services.revocations.start()
    assert wired.services.revocations.problem() is not None
    await wired.services.revocations.stop()
