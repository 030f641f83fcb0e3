"""The first trust issuer and the first role bindings, by a token that works once and for fifteen minutes."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from leasehold.model.errors import FieldError, InvalidBody, LeaseholdError, Unauthenticated, Unavailable
from leasehold.model.kinds import Kind
from leasehold.model.principal import Principal, Role
from leasehold.model.records import BootstrapToken
from leasehold.model.trust import TrustIssuer, WorkloadBinding
from leasehold.policy.platform import bootstrap_permit
from leasehold.registry.journal import attempt, record_success, recording_failure
from leasehold.registry.ports import Store, UnitOfWork
from leasehold.registry.put import apply_put
from leasehold.registry.writes import MustNotExist, Put, View

TOKEN_PREFIX = "lhb_"  # noqa: S105  the public part
TOKEN_TTL = timedelta(minutes=15)
_BOOTSTRAP = Principal(id="bootstrap", role=Role.SECURITY_ADMIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """What a registry starts with: whom it trusts, and who takes which role."""

    issuer_name: str
    issuer: TrustIssuer
    bindings: Sequence[tuple[str, WorkloadBinding]]


@dataclass(frozen=True, slots=True)
class Offer:
    """What became of a token. `stands`: it is the one that works, until `expires_at`; else another one is."""

    expires_at: datetime
    stands: bool


def offer_bootstrap(store: Store, token: str, now: datetime, *, supersede: bool = False) -> Offer | None:
    """Make `token` the one-time token if the registry trusts nobody yet; None if it needs none.

    One that works already stands, for another replica has told it to somebody, unless this one is to `supersede` it.
    """
    with store.begin() as unit:
        unit.changes.lock()
        if unit.objects.names(Kind.TRUST_ISSUERS):
            return None
        standing = unit.bootstrap.find()
        if not supersede and standing is not None and _works(standing, now):
            return Offer(standing.expires_at, stands=False)
        kept = BootstrapToken(sha256=_digest(token), expires_at=now + TOKEN_TTL)
        unit.bootstrap.put(kept)
        return Offer(kept.expires_at, stands=True)


def check_bootstrap(store: Store, unverified_token: str, now: datetime) -> None:
    """Raise `Unauthenticated` unless this is the one-time token, alive and unused. Uses nothing up."""
    with store.read() as unit:
        _check(unit, unverified_token, now)


def bootstrap(store: Store, unverified_token: str, first: First, now: datetime) -> list[View]:
    """Write the first objects, all or none. The token is used up either way, once it has proved right."""
    event = attempt(_BOOTSTRAP, "bootstrap", Kind.TRUST_ISSUERS, first.issuer_name, now)
    try:
        with recording_failure(store, event), store.begin() as unit:
            unit.changes.lock()
            _use_up(unit, unverified_token, now)
            written = _write(unit, first, now)
            record_success(unit, event)
            return written
    except Unavailable:
        raise  # nothing was written: the token is as good as before
    except LeaseholdError:
        with store.begin() as unit:
            unit.changes.lock()
            _use_up(unit, unverified_token, now)
        raise


def _write(unit: UnitOfWork, first: First, now: datetime) -> list[View]:
    permit = bootstrap_permit(_BOOTSTRAP)
    puts = [Put(kind=Kind.TRUST_ISSUERS, name=first.issuer_name, spec=first.issuer, precondition=MustNotExist())]
    for at, (name, binding) in enumerate(first.bindings):
        if binding.role is None:
            raise InvalidBody([FieldError(f"workload_bindings.{at}.role", "bootstrap makes role bindings only")])
        puts.append(Put(kind=Kind.WORKLOAD_BINDINGS, name=name, spec=binding, precondition=MustNotExist()))
    return [apply_put(unit, permit, put, now).view for put in puts]


def _use_up(unit: UnitOfWork, unverified_token: str, now: datetime) -> None:
    unit.bootstrap.put(replace(_check(unit, unverified_token, now), consumed_at=now))


def _check(unit: UnitOfWork, unverified_token: str, now: datetime) -> BootstrapToken:
    token = unit.bootstrap.find()
    right = token is not None and hmac.compare_digest(token.sha256, _digest(unverified_token))
    if token is None or not right or not _works(token, now):
        raise Unauthenticated("the bootstrap token was not accepted")
    return token


def _works(token: BootstrapToken, now: datetime) -> bool:
    return token.consumed_at is None and now < token.expires_at


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
