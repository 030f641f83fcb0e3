"""The values of one delegation: what was asked, parent and actor, the child's lease, claims and audit events. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leasehold.authn.registry_tokens import LEASE_CLAIM
from leasehold.exchange.actors import Actor
from leasehold.exchange.claims import GROUPS_CLAIM, access_claims
from leasehold.exchange.details import authorization_details
from leasehold.exchange.own_tokens import AgentToken
from leasehold.exchange.records import ANONYMOUS
from leasehold.exchange.refusals import Reason
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.leases import REGISTRY, Ancestor, Lease, Node
from leasehold.model.possession import Possession
from leasehold.model.status import StatusPlace
from leasehold.model.tokens import UnverifiedToken
from leasehold.policy.delegating import Delegated

_DIGEST = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationRequest:
    """What a sub-agent is to get. `actor_is_ours`: the actor token is an access token of ours.

    `details` is the `authorization_details` parameter, read as JSON and no further; it or `scopes` must be there.
    """

    subject_token: UnverifiedToken = field(repr=False)
    actor_token: UnverifiedToken = field(repr=False)
    actor_is_ours: bool
    resource: str
    scopes: frozenset[str] | None = None
    details: object = None
    agent: str | None = None
    task: str | None = None
    proof: Possession | None = None

    @property
    def key(self) -> str | None:
        """The thumbprint of the key that the caller proved to hold."""
        return self.proof.key if self.proof is not None else None


@dataclass(frozen=True, slots=True)
class Family:
    """Who delegates to whom, what was decided, and the generations that were true then."""

    parent: AgentToken
    actor: Actor
    delegated: Delegated
    generations: Mapping[Node, int]

    @property
    def newcomers(self) -> tuple[str, ...]:
        """Who acts that did not act before."""
        return () if self.delegated.again else (self.actor.agent,)


def child_lease(family: Family, lease_id: str, place: StatusPlace, now: datetime) -> Lease:
    """The lease of a sub-agent: about whom its parent's is, for the same task."""
    permit, parent = family.delegated.permit, family.parent.lease
    return Lease(
        id=lease_id,
        subject=parent.subject,
        agent=permit.agent,
        deployment=permit.deployment,
        binding=family.actor.binding,
        audience=permit.audience,
        scopes=permit.promised,
        ancestors=tuple(Ancestor(node, family.generations[node]) for node in (REGISTRY, *permit.nodes)),
        token_sha256="",
        issued_at=now.replace(microsecond=0),
        expires_at=permit.expires_at,
        parent=parent.id,
        task=parent.task,
        status=place,
    )


def child_claims(issuer: str, family: Family, lease: Lease, key: str | None) -> dict[str, object]:
    """The claims of a sub-agent's token. The outermost `act` is who acts now (RFC 8693 §4.1); none is ever left out."""
    claims = access_claims(issuer, family.delegated.permit, lease, None, key)
    claims["act"] = _act(family, lease)
    if GROUPS_CLAIM in family.parent.claims:  # the person is the same, and so is the login
        claims[GROUPS_CLAIM] = family.parent.claims[GROUPS_CLAIM]
    about = claims[LEASE_CLAIM]
    if isinstance(about, dict):
        limit = {"dmax": family.delegated.limit} if family.delegated.limit is not None else {}
        about.update(d=family.delegated.depth, par=family.parent.digest, **limit)
    return claims


def _act(family: Family, lease: Lease) -> object:
    before = family.parent.claims.get("act")
    if family.delegated.again:  # nobody new acts, nobody is left out
        return before
    act: dict[str, object] = {"sub": f"agent:{lease.agent}"}
    return act if before is None else {**act, "act": before}


def child_event(request: DelegationRequest, family: Family, lease: Lease) -> AuditEvent:
    """A sub-agent was started: by whom, on whose behalf, and what it was handed."""
    permit = family.delegated.permit
    return AuditEvent(
        at=lease.issued_at,
        principal=f"agent:{lease.agent}",
        action="re-exchange" if family.delegated.again else "delegate",
        kind="leases",
        name=lease.id,
        outcome=Outcome.OK,
        detail={
            **_asked(request),
            "subject": lease.subject,
            "delegated_by": f"agent:{family.parent.agent}",
            "parent": family.parent.lease.id,
            "chain": [f"agent:{agent}" for agent in (*family.newcomers, *family.parent.chain)],
            "authorization_details": authorization_details(permit.audience, permit.reach),
            "binding": lease.binding,
            "deployment": lease.deployment,
            "task": lease.task,
            "expires_at": lease.expires_at.isoformat(),
        },
    )


def refused_event(
    request: DelegationRequest, parent: AgentToken | None, actor: Actor | None, reason: Reason, now: datetime
) -> AuditEvent:
    """No sub-agent was started, and why."""
    detail = _asked(request)
    if parent is not None:
        detail |= {"delegated_by": f"agent:{parent.agent}", "parent": parent.lease.id, "subject": parent.lease.subject}
    return AuditEvent(
        at=now,
        principal=f"agent:{actor.agent}" if actor is not None else ANONYMOUS,
        action="delegate",
        kind="leases",
        name="",
        outcome=Outcome.DENIED,
        reason=reason.value,
        detail=detail,
    )


def _asked(request: DelegationRequest) -> dict[str, object]:
    return {
        "subject_token_sha256": _digest(request.subject_token),
        "actor_token_sha256": _digest(request.actor_token),
    }


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()[:_DIGEST]
