"""Token introspection (RFC 7662) and revocation (RFC 7009)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from leasehold.authn.ports import OwnTokenVerifier
from leasehold.authn.registry_tokens import RegistryTokens, lease_id_of, live_leases, own_profile
from leasehold.exchange.batches import Batches
from leasehold.exchange.ledger import End, Ledger
from leasehold.exchange.ports import Store
from leasehold.model.errors import Unauthenticated, Unavailable
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.leases import Lease
from leasehold.model.tokens import Flaw, TokenRefused, UnverifiedToken, VerifiedClaims
from leasehold.policy.leasing import decide_end_of_lease

INACTIVE: Mapping[str, object] = {"active": False}


@dataclass(frozen=True, slots=True)
class _Look:
    """Which of these leases live at `now`?"""

    lease_ids: tuple[str, ...]
    now: datetime


class LiveLeases:
    """Looks leases up, many callers in one read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._batches = Batches("leases", self._read)

    async def find(self, lease_ids: tuple[str, ...], now: datetime) -> Mapping[str, Lease]:
        """Those of the leases that live. Raises `Unavailable`."""
        return await self._batches.submit(_Look(lease_ids, now))

    def close(self) -> None:
        """Finish what waits."""
        self._batches.close()

    def _read(self, looks: Sequence[_Look]) -> Sequence[Mapping[str, Lease]]:
        now = max(look.now for look in looks)
        with self._store.read() as unit:
            alive = live_leases(unit, {lease_id for look in looks for lease_id in look.lease_ids}, now)
        return [{i: alive[i] for i in look.lease_ids if i in alive} for look in looks]


class Introspection:
    """Tells an authenticated caller what a token of ours is worth now."""

    def __init__(self, *, callers: RegistryTokens, verifier: OwnTokenVerifier, leases: LiveLeases) -> None:
        self._callers = callers
        self._verifier = verifier
        self._leases = leases

    async def introspect(self, bearer: str, token: str, now: datetime, key: str | None = None) -> Mapping[str, object]:
        """The claims of a live token, else only that it is not active. Raises `Unauthenticated`, `Unavailable`.

        Both tokens are looked up in one read: the caller's right to ask and the answer are of one instant.
        """
        caller_lease = self._caller(bearer, now, key)
        verified = _own(self._verifier, self._callers.issuer, token, now)
        wanted = (caller_lease,) if verified is None else (caller_lease, lease_id_of(verified))
        alive = await self._leases.find(wanted, now)
        if caller_lease not in alive:
            raise Unauthenticated("the bearer token was not accepted") from TokenRefused(Flaw.LEASE_ENDED)
        if verified is None or not _is_token_of(alive.get(lease_id_of(verified)), token):
            return INACTIVE
        kind = "DPoP" if "cnf" in verified.claims else "Bearer"
        return {"active": True, "token_type": kind, **verified.claims}

    def _caller(self, bearer: str, now: datetime, key: str | None) -> str:
        try:
            return self._callers.verify(bearer, now, key)[1]
        except TokenRefused as refused:
            raise Unauthenticated("the bearer token was not accepted") from refused


class Revocation:
    """Ends the lease behind a token, for whoever holds the token."""

    def __init__(self, *, issuer: str, verifier: OwnTokenVerifier, ledger: Ledger) -> None:
        self._issuer = issuer
        self._verifier = verifier
        self._ledger = ledger

    async def revoke(self, token: str, now: datetime) -> None:
        """End the lease, durably when this returns. A token that is none of ours is no error (RFC 7009 §2.2).

        Raises `Unavailable`.
        """
        try:
            verified = _verified(self._verifier, self._issuer, token, now)
        except TokenRefused as refused:
            if refused.flaw is Flaw.NOT_YET_VALID:
                # Its signature is ours, so our clock went back. To answer "ended" and end nothing would be a lie.
                raise Unavailable("the clock is behind our own tokens; nothing was ended") from None
            return
        lease_id = lease_id_of(verified)
        event = AuditEvent(
            at=now, principal=verified.subject, action="revoke", kind="leases", name=lease_id, outcome=Outcome.OK
        )
        await self._ledger.write(End(decide_end_of_lease(lease_id), event))


def _own(verifier: OwnTokenVerifier, issuer: str, token: str, now: datetime) -> VerifiedClaims | None:
    """The claims of a token that we issued, whatever its audience; None for anything else."""
    try:
        return _verified(verifier, issuer, token, now)
    except TokenRefused:
        return None


def _verified(verifier: OwnTokenVerifier, issuer: str, token: str, now: datetime) -> VerifiedClaims:
    verified = verifier.verify(UnverifiedToken(token), own_profile(issuer, None), now)
    lease_id_of(verified)
    return verified


def _is_token_of(lease: Lease | None, token: str) -> bool:
    return lease is not None and lease.token_sha256 == hashlib.sha256(token.encode()).hexdigest()
