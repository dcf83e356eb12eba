"""How many may come in, and how fast: by address, by principal and by tenant.

What is kept is bounded: counts have an entry only for who is there, buckets have their own bound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Final

from arqonbus.config.limits import LimitSettings
from arqonbus.edge.networks import Address, site_of
from arqonbus.edge.refusal import HandshakeRefused, too_many
from arqonbus.model.principal import Principal
from arqonbus.shield.buckets import Buckets

_MAX_SITES: Final = 65_536
# One address may hold so much of all unfinished handshakes, so that it can't shut out the others.
_PENDING_SHARE: Final = 4
_AGAIN: Final = 5.0  # seconds; when a place gets free is not known


class Gate:
    """The limits and who counts towards them."""

    def __init__(
        self, limits: LimitSettings, *, loopback_free: bool, now: Callable[[], float]
    ) -> None:
        """Nobody is there yet.

        Args:
            limits: the settings.
            loopback_free: whether this machine's own connections don't count by address.
            now: a clock that only goes forward.
        """
        self.limits: Final = limits
        self.now: Final = now
        self.pending = 0
        self.pending_of: Final = Counter[Hashable]()
        self.connections: Final = Counter[Hashable]()
        self.handshakes: Final = Buckets(
            limits.handshakes_per_address, limits.handshake_burst, _MAX_SITES
        )
        self.failures: Final = Buckets(
            limits.failed_handshakes_per_address, limits.failed_handshake_burst, _MAX_SITES
        )
        self._loopback_free = loopback_free

    def counts(self, address: Address) -> bool:
        """Whether the limits by address hold for it."""
        return not (self._loopback_free and address.is_loopback)


class Visitor:
    """One connection, from its first packet to its last. It counts until `left` is called.

    `address` is the client's, as far as it is known.
    """

    __slots__ = ("_gate", "_held", "_pending", "_refusal", "_site", "address", "peer")

    def __init__(self, gate: Gate, peer: Address, *, proxy: bool) -> None:
        self.peer = self.address = peer
        self._gate = gate
        # A trusted proxy brings many clients: it may take all places that are left.
        self._site: Hashable = None if proxy else site_of(peer)
        self._held: list[Hashable] = []
        self._pending = False
        self._refusal: HandshakeRefused | None = None

    def begin(self) -> bool:
        """Count an unfinished handshake; False when there is no place for one."""
        gate, site = self._gate, self._site
        if not gate.counts(self.peer):
            return True
        most = gate.limits.handshakes_pending
        share = most if site is None else most // _PENDING_SHARE
        if gate.pending >= most or gate.pending_of[site] >= share:
            return False
        self._pending = True
        gate.pending += 1
        gate.pending_of[site] += 1
        return True

    def settle(self, address: Address) -> None:
        """The client's address is known: count the connection and the handshake for it."""
        self.address = address
        gate = self._gate
        if not gate.counts(address):
            return
        site = site_of(address)
        if not self._hold(site, gate.limits.connections_per_address):
            self._refusal = too_many(
                "this address has as many connections as it may",
                "limits.connections_per_address",
                _AGAIN,
            )
        elif wait := gate.failures.wait(site, gate.now()):
            self._refusal = too_many(
                "too many handshakes of this address failed",
                "limits.failed_handshakes_per_address",
                wait,
            )
        elif wait := gate.handshakes.take(site, gate.now()):
            self._refusal = too_many(
                "too many handshakes of this address", "limits.handshakes_per_address", wait
            )

    @property
    def refused(self) -> bool:
        """Whether a limit was reached."""
        return self._refusal is not None

    def check(self) -> None:
        """Refuse what a limit does not allow.

        Raises:
            HandshakeRefused: RATE_LIMITED, with the time to come again.
        """
        if self._refusal is not None:
            raise self._refusal

    def failed(self) -> None:
        """The handshake was refused for what it said: that is what guessing looks like."""
        if self._gate.counts(self.address):
            self._gate.failures.take(site_of(self.address), self._gate.now())

    def admit(self, principal: Principal) -> None:
        """Count the connection for who it is; anonymous peers are told apart by address only.

        Raises:
            HandshakeRefused: RATE_LIMITED, there are as many as there may be.
        """
        if principal.anonymous:
            return
        limits = self._gate.limits
        if not self._hold((principal.tenant, principal.subject), limits.connections_per_principal):
            raise too_many(
                "this subject has as many connections as it may",
                "limits.connections_per_principal",
                _AGAIN,
            )
        if not self._hold((principal.tenant,), limits.connections_per_tenant):
            raise too_many(
                "this tenant has as many connections as it may",
                "limits.connections_per_tenant",
                _AGAIN,
            )

    def done(self) -> None:
        """The handshake is over; the connection may go on."""
        if not self._pending:
            return
        self._pending = False
        self._gate.pending -= 1
        _drop(self._gate.pending_of, self._site)

    def left(self) -> None:
        """The connection is gone; more than once is the same."""
        self.done()
        held, self._held = self._held, []
        for key in held:
            _drop(self._gate.connections, key)

    def _hold(self, key: Hashable, most: int) -> bool:
        if self._gate.connections[key] >= most:  # a Counter makes no entry for being asked
            return False
        self._gate.connections[key] += 1
        self._held.append(key)
        return True


def _drop(counts: Counter[Hashable], key: Hashable) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
