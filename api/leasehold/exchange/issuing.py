"""From a decision to a token on record: decided anew where the world moved meanwhile, refused on record.

Every grant type ends here. What differs between them is an `Attempt`: who asks, what is decided, what is told to audit.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from leasehold.exchange.ledger import Issue, Ledger, Note, Root, Written
from leasehold.exchange.ports import TokenMint
from leasehold.exchange.refresh_tokens import NewRefreshToken
from leasehold.exchange.refusals import ExchangeReason, ExchangeRefused, Reason
from leasehold.exchange.status_places import StatusPlaces
from leasehold.exchange.views import Pieces, Views
from leasehold.model.errors import Unavailable
from leasehold.model.events import AuditEvent
from leasehold.model.leases import REGISTRY, Lease, Node
from leasehold.model.possession import FirstUse
from leasehold.model.status import StatusPlace
from leasehold.model.tokens import MAX_TOKEN_BYTES
from leasehold.policy.leasing import LeasePermit

_ATTEMPTS = 4
_LOT_BYTES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """An access token and what it allows, the tools among it as `details` (RFC 9396 §7).

    `stack` is that of a registry token; `key` the one it is bound to.
    """

    access_token: str = field(repr=False)
    lease: Lease
    stack: str | None
    key: str | None = None
    details: object = None
    refresh_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One decision, and how it becomes a lease, claims and an audit event. `key`: the thumbprint to confirm with.

    `refresh` is the refresh token that comes with it, `spent` the digest of the one that it is for.
    """

    permit: LeasePermit
    generations: Mapping[Node, int]
    lease: Callable[[str, StatusPlace], Lease]
    claims: Callable[[Lease], dict[str, object]]
    event: Callable[[Lease], AuditEvent]
    first_uses: tuple[FirstUse, ...] = ()
    stack: str | None = None
    key: str | None = None
    spent: str | None = None
    refresh: NewRefreshToken | None = None


class Attempt(Protocol):
    """One request for a token, decided as often as the registry moves under it."""

    async def draft(self, pieces: Pieces, now: datetime) -> Draft:
        """What is decided. Raises `ExchangeRefused`."""

    def refusal(self, reason: Reason, now: datetime) -> AuditEvent:
        """What audit is told if it was refused."""


class Issuing:
    """Issues what attempts come to."""

    def __init__(self, *, mint: TokenMint, views: Views, ledger: Ledger) -> None:
        self._mint = mint
        self._views = views
        self._ledger = ledger
        self._places = StatusPlaces()

    async def issue(self, attempt: Attempt, now: datetime) -> Issued:
        """A token. Raises `ExchangeRefused`, which is on record then; `Unavailable`."""
        sequence: int | None = self._views.pieces.sequence
        for _ in range(_ATTEMPTS):
            pieces = self._views.pieces
            try:
                issued = await self._record(await attempt.draft(pieces, now), sequence, now)
            except ExchangeRefused as refused:
                if refused.reason is ExchangeReason.REPLAYED:
                    raise
                # What is kept may be older than a write that its caller knows to be done: look again, then say no.
                if sequence is None or not await self._views.refresh(pieces):
                    await self._ledger.write(Note(attempt.refusal(refused.reason, now)))
                    raise
            else:
                if issued is not None:
                    return issued
                await self._views.forget(pieces)
            sequence = None  # read after the request came in: as new as anybody can ask for
        raise Unavailable("the registry is changing too fast; nothing was issued")

    async def _record(self, draft: Draft, sequence: int | None, now: datetime) -> Issued | None:
        """The token, durably on record; None if the world has moved since it was decided."""
        nodes = (REGISTRY, *draft.permit.nodes)
        unwritten = tuple(node for node in nodes if node not in draft.generations)
        if unwritten:
            await self._ledger.write(Root(unwritten))
            return None
        lease = draft.lease(_lease_id(now), self._places.take(now))
        claims = draft.claims(lease)
        token = await self._mint.sign(claims)
        if len(token) > MAX_TOKEN_BYTES:  # nobody, ourselves included, would take it
            raise ExchangeRefused(ExchangeReason.TOKEN_TOO_LARGE)
        lease = lease.of_token(hashlib.sha256(token.encode()).hexdigest())
        entry = Issue(
            permit=draft.permit,
            lease=lease,
            generations={ancestor.node: ancestor.generation for ancestor in lease.ancestors},
            sequence=sequence,
            first_uses=draft.first_uses,
            event=_told(draft, lease),
            spent=draft.spent,
            following=draft.refresh.kept if draft.refresh is not None else None,
        )
        written = await self._ledger.write(entry)
        if written is Written.REPLAYED:
            raise ExchangeRefused(ExchangeReason.REPLAYED)
        if written is Written.STALE:
            return None
        details = claims.get("authorization_details")
        following = draft.refresh.token if draft.refresh is not None else None
        return Issued(
            access_token=token,
            lease=lease,
            stack=draft.stack,
            key=draft.key,
            details=details,
            refresh_token=following,
        )


def _told(draft: Draft, lease: Lease) -> AuditEvent:
    """The event, with the tools that are allowed with certain arguments only: no scope names them."""
    event = draft.event(lease)
    constrained = sorted({one.tool for one in draft.permit.reach if one.constraints})
    return replace(event, detail={**event.detail, "constrained": constrained}) if constrained else event


def _lease_id(now: datetime) -> str:
    """32 hex digits: milliseconds, then 80 random bits.

    Time first, so that leases written together lie together in every index, and a commit has few pages to write (0018).
    """
    return f"{int(now.timestamp() * 1000):012x}{os.urandom(_LOT_BYTES).hex()}"
