"""Revokes, and remembers what was revoked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from arqonbus.bus.journal import Journal, stored
from arqonbus.bus.upkeep import upkeep
from arqonbus.errors import ArqonBusError, ErrorCode, StorageError, invalid
from arqonbus.protocol.close import CloseCode
from arqonbus.revocation.records import Record, SubjectRevoked, TokenRevoked

if TYPE_CHECKING:
    from collections.abc import Collection

    from arqonbus.bus.bus import Bus
    from arqonbus.config.shield import AuthSettings
    from arqonbus.shield.revoked import Revoked
    from arqonbus.storage.interface import Storage
    from arqonbus.telemetry.metrics import Metrics

_CARE_SECONDS = 5.0
# Records that the journal may hold beyond those needed before it is written afresh.
_SLACK: Final = 1024
# What a server must bear in memory, of tokens and of subjects; a subject's revocation covers any
# number of its tokens.
MAX_REVOKED: Final = 100_000
# One tenant must not take the room that the others may need.
MAX_OF_TENANT: Final = MAX_REVOKED // 4
# How long after its end a token is remembered: a clock that ran ahead and was set back must not
# make it good again.
_PATIENCE: Final = 86_400.0
_WRITES: Final = 256

log = structlog.get_logger(__name__)
_decode = msgspec.json.Decoder(Record).decode


class Revocations:
    """Puts what is revoked into `revoked`, closes whom it concerns, and keeps a journal of it."""

    def __init__(
        self, bus: Bus, storage: Storage, metrics: Metrics, settings: AuthSettings, revoked: Revoked
    ) -> None:
        self._bus = bus
        self._metrics = metrics
        self._leeway = settings.leeway
        self._revoked = revoked
        self._journal = Journal(bus, storage, "revocations")
        self._care: asyncio.Task[None] | None = None
        # Whether memory holds something of which it is not known that the journal has it.
        self._stale = False

    async def start(self) -> None:
        """Read the journal.

        Raises:
            StorageError: it can't be read.
        """
        await self._read()
        self._care = asyncio.create_task(
            upkeep(self._tidy, every=_CARE_SECONDS, what="revocations", metrics=self._metrics)
        )

    async def stop(self) -> None:
        """Look after nothing any more."""
        if self._care is not None:
            self._care.cancel()
            await asyncio.wait((self._care,))

    def problem(self) -> str | None:
        """Why nobody with a token may come in, or None."""
        return None if self._revoked.known else "it is not known yet which tokens are revoked"

    def check(self, record: Record) -> None:
        """Refuse what can't be revoked; to be asked before it is recorded that it was.

        Raises:
            ArqonBusError: VALIDATION_ERROR, it would be forgotten at once; RATE_LIMITED, too many
                tokens or subjects are revoked.
        """
        if isinstance(record, SubjectRevoked):
            key = record.tenant, record.subject
            what = "subjects are revoked as may be: sign tokens with another key, and drop the old"
            _check_room(self._revoked.subjects, key, what)
            return
        if record.until is not None and record.until < self._now() - self._leeway:
            raise invalid("args: until is over, and with it the token; give its exp, or leave it")
        what = "single tokens are revoked as may be: revoke the subject instead"
        _check_room(self._revoked.tokens, (record.tenant, record.token_id), what)

    async def revoke(self, record: Record) -> int:
        """Revoke at once, and return when that is stored: how many connections were closed.

        Raises:
            StorageError: it is in force, but a restart would forget it.
        """
        if isinstance(record, SubjectRevoked):
            record = self._with_those_there(record)
        self._apply(record)
        closed = self._close(record.tenant)
        try:
            await self._write(record)
        except StorageError as error:
            self._stale = True
            raise StorageError(
                "the revocation is in force, but it could not be stored: a restart would forget it",
                detail=str(error),
            ) from error
        return closed

    def _now(self) -> float:
        return self._bus.tick.now() / 1e6

    def _with_those_there(self, record: SubjectRevoked) -> SubjectRevoked:
        """The tokens in use now were issued before now, whatever the clock of their issuer said."""
        whose = record.tenant, record.subject
        principals = [peer.principal for peer in self._bus.hub.peers.values()]
        issued = [p.issued_at or 0.0 for p in principals if (p.tenant, p.subject) == whose]
        return msgspec.structs.replace(record, before=max([record.before, *issued]))

    def _apply(self, record: Record) -> None:
        if isinstance(record, TokenRevoked):
            token, until = (record.tenant, record.token_id), record.until
            known = self._revoked.tokens.get(token, until)
            # Whoever revokes it again must not shorten what holds.
            never = until is None or known is None
            self._revoked.tokens[token] = None if never else max(until or 0.0, known or 0.0)
            return
        key = record.tenant, record.subject
        self._revoked.subjects[key] = max(record.before, self._revoked.subjects.get(key, 0))

    def _close(self, tenant: str = "") -> int:
        """Close everybody whose token is revoked; how many of the tenant that were."""
        found = [p for p in self._bus.hub.peers.values() if self._revoked.covers(p.principal)]
        for peer in found:
            peer.close(CloseCode.REVOKED)
        return sum(peer.principal.tenant == tenant for peer in found)

    async def _read(self) -> None:
        await self._journal.read(lambda _seq, body: self._apply(_decode(body)))
        self._revoked.known = not self._journal.unread
        self._close()

    async def _tidy(self) -> None:
        # Told once only, so it is kept until all is written.
        self._stale |= self._journal.renewed()
        if self._journal.unread and not self._journal.away:
            await self._read()
        self._forget_expired()
        needed = len(self._revoked.tokens) + len(self._revoked.subjects)
        if self._stale or self._journal.length > _SLACK + 4 * needed:
            await self._write_afresh()

    def _forget_expired(self) -> None:
        now = self._now() - self._leeway - _PATIENCE
        tokens = self._revoked.tokens
        for key in [key for key, until in tokens.items() if until is not None and until < now]:
            del tokens[key]

    async def _write_afresh(self) -> None:
        """Write everything once more, then remove what is older: in this order, so that a crash in
        between forgets nothing.
        """
        # First: what can't be stored from now on may not be among what is written here.
        self._stale = False
        try:
            keep = await self._write_all()
        except ArqonBusError:
            self._stale = True
            raise
        await self._journal.shorten(keep)

    async def _write_all(self) -> int:
        """The position at which what was written begins."""
        tokens, subjects = self._revoked.tokens.items(), self._revoked.subjects.items()
        records: list[Record] = [
            TokenRevoked(tenant=tenant, token_id=token_id, until=until)
            for (tenant, token_id), until in tokens
        ]
        records += [
            SubjectRevoked(tenant=tenant, subject=subject, before=before)
            for (tenant, subject), before in subjects
        ]
        keep = self._journal.end + 1
        for start in range(0, len(records), _WRITES):
            part = records[start : start + _WRITES]
            await asyncio.gather(*(self._write(record) for record in part))
        return keep

    async def _write(self, record: Record) -> None:
        await stored(lambda done: self._journal.write(record, done))


def _check_room(known: Collection[tuple[str, str]], key: tuple[str, str], what: str) -> None:
    """What is there already takes no more room."""
    own = sum(tenant == key[0] for tenant, _ in known)
    if key not in known and (len(known) >= MAX_REVOKED or own >= MAX_OF_TENANT):
        raise ArqonBusError(ErrorCode.RATE_LIMITED, f"as many {what}")
