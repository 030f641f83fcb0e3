"""A credential of another system for the holder of a lease: decided, written down, minted, written down, handed out.

INVARIANT: no record, no credential. The first record names it before it exists; the second, in the same transaction as
a last look at the lease, is what lets it out. Whatever goes wrong in between leaves a record that the worker ends.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from leasehold.authn.ports import OwnTokenVerifier
from leasehold.authn.possession import key_of, spend_in
from leasehold.authn.registry_tokens import check_holder, lease_id_of, live_leases, own_profile
from leasehold.credentials.ports import Sealer, Source, Store
from leasehold.credentials.records import (
    CredentialRefused,
    CredentialRequest,
    Issued,
    holder_sees,
    issuance,
    issued,
    new_record,
    order_of,
    refusal,
)
from leasehold.credentials.standing import fallen
from leasehold.model.credentials import CredentialProfile, Target
from leasehold.model.errors import FieldError, InvalidBody, LeaseholdError, Unauthenticated, Unavailable
from leasehold.model.events import Outcome
from leasehold.model.external import CredentialState, ExternalCredential, Minted, MintRefused
from leasehold.model.kinds import Kind
from leasehold.model.leases import Lease, profile_node
from leasehold.model.names import check_name
from leasehold.model.possession import Possession
from leasehold.model.tokens import Flaw, TokenRefused, UnverifiedToken
from leasehold.policy.credentials import CredentialDenied, CredentialPermit, CredentialReason, decide_credential

_REFUSED = "the bearer token was not accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialDesk:
    """Hands credentials out. `audience` is that of the access tokens it takes; `ended` is told of what must die now."""

    issuer: str
    audience: str
    verifier: OwnTokenVerifier
    store: Store
    sources: Mapping[type[Target], Source]
    sealer: Sealer
    clock: Callable[[], datetime]
    ended: Callable[[], None]

    async def issue(self, request: CredentialRequest) -> Issued:
        """A credential. Raises `Unauthenticated`, `CredentialRefused`, `Unavailable`; it is on record then."""
        now = self.clock()
        return await self.issue_on(self._verified(request, now), request, now)

    async def issue_on(self, lease_id: str, request: CredentialRequest, now: datetime) -> Issued:
        """A credential that hangs on this lease, whoever found it out. Raises the same."""
        permit, generation = await asyncio.to_thread(self._decide, request, lease_id, now)
        record = await asyncio.to_thread(self._admit, permit, generation, request.proof)
        minted = await self._mint(permit, record)
        record = await asyncio.to_thread(self._release, permit, record, minted)
        return Issued(record=record, secret=minted.secret, expires_at=holder_sees(record, minted))

    def _verified(self, request: CredentialRequest, now: datetime) -> str:
        try:
            profile = own_profile(self.issuer, frozenset({self.audience}))
            verified = self.verifier.verify(UnverifiedToken(request.bearer), profile, now)
            check_holder(verified, key_of(request.proof))
            return lease_id_of(verified)
        except TokenRefused as refused:
            raise Unauthenticated(_REFUSED) from refused

    def _decide(self, request: CredentialRequest, lease_id: str, now: datetime) -> tuple[CredentialPermit, int]:
        with self.store.read() as unit:
            lease = live_leases(unit, (lease_id,), now).get(lease_id)
            if lease is None:
                raise Unauthenticated(_REFUSED) from TokenRefused(Flaw.LEASE_ENDED)
            stored = unit.objects.find(Kind.CREDENTIAL_PROFILES, request.profile) if _nameable(request) else None
            node = profile_node(request.profile)
            generation = unit.nodes.generations((node,)).get(node, 0)
        spec = stored.spec if stored is not None and isinstance(stored.spec, CredentialProfile) else None
        answer = decide_credential(lease, request.profile, spec, request.ttl, now)
        if isinstance(answer, CredentialDenied):
            raise self._refused(lease, request.profile, answer.reason, now)
        if request.aws and answer.spec.aws is None:
            raise InvalidBody([FieldError("format", "that form is of AWS sessions, and the profile of something else")])
        return answer, generation

    def _refused(self, lease: Lease, profile: str, reason: CredentialReason, now: datetime) -> LeaseholdError:
        shown = profile[:63] if profile.isascii() and profile.isprintable() else "?"
        with self.store.begin() as unit:
            unit.audit.append(refusal(lease.subject, shown, reason.value, now))
        return CredentialRefused(reason, shown)

    def _admit(self, permit: CredentialPermit, generation: int, proof: Possession | None) -> ExternalCredential:
        """The first record, written while everything that it hangs on stands. Raises `Unauthenticated`, `Unproven`."""
        now = self.clock()
        record = new_record(permit, secrets.token_hex(16), generation, now)
        with self.store.begin() as unit:
            if fallen(unit, (record,), now):
                raise Unauthenticated(_REFUSED) from TokenRefused(Flaw.LEASE_ENDED)
            if proof is not None:
                spend_in(unit, proof)
            unit.credentials.add(record)
            unit.audit.append(issuance(record))
        return record

    async def _mint(self, permit: CredentialPermit, record: ExternalCredential) -> Minted:
        source = self.sources[type(record.spec.target)]
        try:
            return await source.mint(order_of(record, permit))
        except MintRefused as refused:
            await asyncio.to_thread(self._settle, record, CredentialState.CLEARED, str(refused))
            raise
        except BaseException as error:  # it may exist now: whoever hung up, or whatever broke, it has to end
            self._settle(record, CredentialState.ENDING, type(error).__name__)
            self.ended()
            if isinstance(error, Exception):
                raise Unavailable("the other system did not answer; nothing was handed out") from error
            raise

    def _settle(self, record: ExternalCredential, state: CredentialState, problem: str) -> None:
        now = self.clock()
        with self.store.begin() as unit:
            unit.credentials.replace(replace(record, state=state, problem=problem, next_attempt_at=now))
            unit.audit.append(issued(record, Outcome.ERROR, problem, now))

    def _release(self, permit: CredentialPermit, record: ExternalCredential, minted: Minted) -> ExternalCredential:
        """Let it out, unless what it hangs on has fallen meanwhile: then it is born dead."""
        now = self.clock()
        sealed = self.sealer.seal(minted.ends_with, record.id) if minted.ends_with is not None else None
        made = replace(record, sealed=sealed, live_until=minted.live_until)
        live = replace(made, state=CredentialState.LIVE, next_attempt_at=permit.ends)
        try:
            with self.store.begin() as unit:
                current = unit.credentials.find(record.id)
                dead = (
                    current is None or current.state is not CredentialState.MINTING or bool(fallen(unit, (live,), now))
                )
                kept = replace(made, state=CredentialState.ENDING, next_attempt_at=now) if dead else live
                unit.credentials.replace(kept)
                ended = (Outcome.DENIED, "lease_ended") if dead else (Outcome.OK, "")
                unit.audit.append(issued(kept, *ended, now))
        except Unavailable:
            self._kill_unrecorded(record, minted)
            raise
        if dead:
            self.ended()
            raise Unauthenticated(_REFUSED) from TokenRefused(Flaw.LEASE_ENDED)
        return live

    def _kill_unrecorded(self, record: ExternalCredential, minted: Minted) -> None:
        """What it takes to kill this one is known here alone, and cannot be written down: try at once."""
        try:
            self.sources[type(record.spec.target)].kill(record, minted.ends_with)
        except LeaseholdError:
            return  # the record is still `minting`: the worker goes on with what it can do


def _nameable(request: CredentialRequest) -> bool:
    try:
        check_name(request.profile)
    except ValueError:
        return False
    return True
