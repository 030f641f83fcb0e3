"""What would this token get? Which issuer, which bindings, and what each of them misses.

Nothing is stored, and nothing of the token is told back: a pin that fails is shown as it is bound, and what the token
has in its place by its shape alone. Whoever may see one team's bindings sees no other's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leasehold.authn.subjects import KINDS, Identity, profile_of, unmet_claims, unmet_pins
from leasehold.exchange.views import Pieces, Views
from leasehold.model.conditions import find_claim
from leasehold.model.plain import plain, plain_value
from leasehold.model.principal import Role
from leasehold.model.subjects import KubernetesSubject
from leasehold.model.tokens import (
    Examined,
    Flaw,
    TokenProfile,
    TokenRefused,
    UnverifiedClaims,
    UnverifiedToken,
    VerifiedClaims,
)
from leasehold.model.trust import TrustIssuer, WorkloadBinding
from leasehold.policy.decision import Permit

_OF_AUDIENCE = frozenset({Flaw.WRONG_AUDIENCE})
_OF_TIME = frozenset({Flaw.EXPIRED, Flaw.NOT_YET_VALID, Flaw.TOO_LONG_LIVED})


class Examiner(Protocol):
    """Looks at tokens of trust issuers; `read` raises `TokenRefused`."""

    def read(self, unverified_token: UnverifiedToken) -> UnverifiedClaims: ...
    async def examine(
        self, unverified_claims: UnverifiedClaims, issuer: TrustIssuer, profile: TokenProfile, now: datetime
    ) -> Examined: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """A pin or condition that does not hold: what is bound, and the shape of what the token has."""

    claim: str
    expected: object
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingOutcome:
    """What one binding makes of the token. `mutable`: pins that are names, which others may be given later."""

    name: str
    agent: str | None
    role: str | None
    matches: bool
    failed: tuple[Miss, ...]
    mutable: tuple[str, ...]
    advice: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationReport:
    """Which checks hold. `signature` false ends it: of claims that nobody vouches for nothing is told."""

    trust_issuer: str | None
    issuer_type: str | None
    signature: bool
    audience: bool
    time: bool
    proposes: bool
    flaws: tuple[str, ...]
    bindings: tuple[BindingOutcome, ...]


class Simulation:
    """Answers for a pasted token."""

    def __init__(self, examiner: Examiner, views: Views) -> None:
        self._examiner = examiner
        self._views = views

    async def simulate(self, permit: Permit, unverified_token: UnverifiedToken, now: datetime) -> SimulationReport:
        """What the token would get, as far as the caller may know. Raises `Unavailable`."""
        await self._views.refresh(self._views.pieces)
        pieces = self._views.pieces
        try:
            unverified_claims = self._examiner.read(unverified_token)
        except TokenRefused as refused:
            return _report(None, None, Examined(None, (refused.flaw,)))
        candidates = (await self._views.issuers(pieces)).get(unverified_claims.issuer, ())
        if len(candidates) != 1:
            flaw = Flaw.AMBIGUOUS_ISSUER if candidates else Flaw.UNKNOWN_ISSUER
            return _report(None, None, Examined(None, (flaw,)))
        name, issuer = candidates[0]
        examined = await self._examiner.examine(unverified_claims, issuer, profile_of(issuer), now)
        return await self._judged(permit, pieces, name, issuer, examined)

    async def _judged(
        self, permit: Permit, pieces: Pieces, name: str, issuer: TrustIssuer, examined: Examined
    ) -> SimulationReport:
        if examined.claims is None:
            return _report(name, issuer, examined)
        try:
            identity = KINDS[issuer.type].identify(examined.claims)
        except TokenRefused as refused:
            return _report(name, issuer, Examined(examined.claims, (*examined.flaws, refused.flaw)))
        bindings = (await self._views.bindings(pieces, name)).bindings
        outcomes = [
            _outcome(one, bindings[one], identity, examined.claims)
            for one in sorted(bindings)
            if await self._may_see(permit, pieces, bindings[one])
        ]
        return _report(name, issuer, examined, identity, tuple(outcomes))

    async def _may_see(self, permit: Permit, pieces: Pieces, binding: WorkloadBinding) -> bool:
        if permit.principal.role is not Role.DEVELOPER:
            return True
        agent = await self._views.agent(pieces, binding.agent) if binding.agent is not None else None
        return agent is not None and agent.facts.owner.team in permit.principal.teams


def _report(
    name: str | None,
    issuer: TrustIssuer | None,
    examined: Examined,
    identity: Identity | None = None,
    bindings: tuple[BindingOutcome, ...] = (),
) -> SimulationReport:
    flaws = set(examined.flaws)
    return SimulationReport(
        trust_issuer=name,
        issuer_type=issuer.type.value if issuer is not None else None,
        signature=examined.claims is not None,
        audience=examined.claims is not None and not flaws & _OF_AUDIENCE,
        time=examined.claims is not None and not flaws & _OF_TIME,
        proposes=identity is not None and identity.proposes,
        flaws=tuple(flaw.value for flaw in examined.flaws),
        bindings=bindings,
    )


def _outcome(name: str, binding: WorkloadBinding, identity: Identity, verified: VerifiedClaims) -> BindingOutcome:
    failed = (*_missed_pins(binding, identity), *_missed_claims(binding, verified))
    given = {pin for pin, value in plain(binding.subject).items() if value not in (None, False)}
    bare = isinstance(binding.subject, KubernetesSubject) and binding.subject.service_account_uid is None
    return BindingOutcome(
        name=name,
        agent=binding.agent,
        role=binding.role.value if binding.role is not None else None,
        matches=not failed,
        failed=failed,
        mutable=tuple(sorted(given & binding.subject.MUTABLE)),
        advice="pin service_account_uid: a service account made anew has the same name" if bare else None,
    )


def _missed_pins(binding: WorkloadBinding, identity: Identity) -> Iterator[Miss]:
    pins = plain(binding.subject)
    for pin in unmet_pins(binding, identity):
        yield Miss(claim=pin, expected=pins.get(pin), found=_shape(getattr(identity, pin, None)))


def _missed_claims(binding: WorkloadBinding, verified: VerifiedClaims) -> Iterator[Miss]:
    for path in unmet_claims(binding, verified):
        wanted = {key: value for key, value in plain_value(binding.claims[path]).items() if value not in (None, [])}
        yield Miss(claim=path, expected=wanted, found=_shape(find_claim(verified.claims, path)))


def _shape(value: object) -> str:
    """What kind of value it is, and nothing that is in it."""
    if value is None:
        return "absent"
    if isinstance(value, str):
        return f"another text of {len(value)} characters"
    names = {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), "another value")
