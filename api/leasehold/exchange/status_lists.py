"""Status lists published: for whoever cannot follow the feed and may not introspect.

A list says of each token what introspection would say, an ended ancestor included. INVARIANT: whatever ends a lease
appends to the revocation stream in the same transaction; a list is therefore right for as long as the stream stands
where it stood when the list was made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from leasehold.authn.registry_tokens import lives
from leasehold.exchange.ports import Store, TokenMint
from leasehold.model.errors import NotFound
from leasehold.model.leases import Lease, lease_node
from leasehold.model.status import is_status_list_id, packed_list, status_list_uri
from leasehold.model.tokens import LEEWAY

TTL = timedelta(seconds=15)
LIFETIME = timedelta(minutes=5)
_LOOK_EVERY = timedelta(milliseconds=250)  # for what another process revokes
_KEPT = 64


@dataclass(frozen=True, slots=True)
class Published:
    """A signed list, the place in the revocation stream that it was made at, and when that was last looked at."""

    token: str
    sequence: int
    made_at: datetime
    looked_at: datetime
    wake: int


class StatusLists:
    """Reads lists, signs them, and keeps what it signed until something ends or the list grows old."""

    def __init__(self, *, issuer: str, store: Store, mint: TokenMint) -> None:
        self._issuer = issuer
        self._store = store
        self._mint = mint
        self._kept: dict[str, Published] = {}
        self._reading: dict[str, asyncio.Lock] = {}
        self._wakes = 0

    def wake(self, *_: object) -> None:
        """Look at the stream again: something was revoked. Called in any thread."""
        self._wakes += 1

    async def find(self, list_id: str, now: datetime) -> str:
        """The signed list. Raises `NotFound` if no token that lives is on it; `Unavailable`."""
        if not is_status_list_id(list_id):
            raise NotFound("status list", "of that id")
        lock = self._reading.setdefault(list_id, asyncio.Lock())
        try:
            async with lock:  # of many who ask at once, one looks
                return (await self._current(list_id, now)).token
        finally:
            if not lock.locked():
                self._reading.pop(list_id, None)

    async def _current(self, list_id: str, now: datetime) -> Published:
        kept = self._kept.get(list_id)
        wake = self._wakes  # before the look: who wakes us during it is heard at the next
        if kept is not None and kept.wake == wake and timedelta() <= now - kept.looked_at < _LOOK_EVERY:
            return kept
        known = kept.sequence if kept is not None and timedelta() <= now - kept.made_at < TTL else None
        sequence, invalid = await asyncio.to_thread(self._read, list_id, known, now)
        if kept is not None and invalid is None:
            made = Published(kept.token, sequence, kept.made_at, now, wake)
        else:
            made = Published(await self._sign(list_id, invalid or (), now), sequence, now, now, wake)
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[list_id] = made
        return made

    def _read(self, list_id: str, known: int | None, now: datetime) -> tuple[int, Sequence[int] | None]:
        """Where the stream stands, and what is invalid; None if it stands where it is `known` to have stood."""
        with self._store.read() as unit:
            sequence = unit.revocations.latest()
            if sequence == known:
                return sequence, None
            # A verifier whose clock is behind takes an expired token for that much longer.
            leases = unit.leases.on_status_list(list_id, now - LEEWAY)
            if not leases:
                raise NotFound("status list", "of that id")
            nodes = {a.node for lease in leases for a in lease.ancestors} | {lease_node(one.id) for one in leases}
            generations = unit.nodes.generations(nodes)
        at = now - LEEWAY
        return sequence, [_index(lease) for lease in leases if not lives(lease, generations, at)]

    async def _sign(self, list_id: str, invalid: Sequence[int], now: datetime) -> str:
        claims: dict[str, object] = {
            "iss": self._issuer,
            "sub": status_list_uri(self._issuer, list_id),
            "iat": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
            "ttl": int(TTL.total_seconds()),
            "status_list": packed_list(invalid),
        }
        return await self._mint.sign(claims)


def _index(lease: Lease) -> int:
    assert lease.status is not None, "only leases with a place are on a list"  # noqa: S101  the query says so
    return lease.status.index
