"""May an authorization go on? Each stage is for one browser, for a short while, and ends at the agent's address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from leasehold.model.access import Reach
from leasehold.model.consents import Pending
from leasehold.model.people import AgentState
from leasehold.model.principal import Principal, Role
from leasehold.model.redirects import comes_back
from leasehold.model.registrations import ClientMetadata
from leasehold.policy.shares import NEVER, AgentFacts, Share, share_of
from leasehold.policy.wishes import LeaseWish


@dataclass(frozen=True, slots=True)
class StepPermit:
    """One step of one authorization may be taken. Only this module makes one."""

    agent: str


@dataclass(frozen=True, slots=True)
class ConsentPermit:
    """Consents of one person may be seen and ended, `by` whom. Only this module makes one."""

    user: str
    by: str


def decide_start(agent: str, client: ClientMetadata, redirect_uri: str) -> StepPermit | None:
    """May a client of this agent send people here and have them come back there? Only to an address of its own."""
    own = client.redirect_uris
    known = comes_back(redirect_uri, own) if client.public else redirect_uri in own
    return StepPermit(agent) if known else None


def decide_step(pending: Pending, now: datetime, *, browser: str | None) -> StepPermit | None:
    """May this browser (by the digest of its cookie; None before it has one) go on with this authorization?"""
    same = pending.get("browser") == (browser or "")
    return StepPermit(pending.agent) if same and now < pending.expires_at else None


def may_be_asked(facts: AgentFacts, client: ClientMetadata, redirect_uri: str) -> bool:
    """True while the agent lives and the address is still one of its client's."""
    if client.public and not facts.agent.public_clients:
        return False
    return facts.agent.state is AgentState.ACTIVE and decide_start(facts.name, client, redirect_uri) is not None


def reach_asked(facts: AgentFacts, pending: Pending, now: datetime) -> tuple[Reach, ...]:
    """What the agent may do now of what a person is asked for; nothing if none of it is granted any more."""
    wish = LeaseWish(
        resource=pending.resource, scopes=None, at_most=pending.scopes, subject_expires_at=NEVER, proposes=False
    )
    share = share_of(facts, wish, now)
    return share.reach if isinstance(share, Share) else ()


def decide_own_consents(user: str) -> ConsentPermit:
    """A person may always see and end what they consented to."""
    return ConsentPermit(user, user)


def decide_consents(principal: Principal, user: str) -> ConsentPermit | None:
    """May a platform principal see and end what a person consented to? The security role may."""
    limited = principal.plan_only or principal.stack is not None
    return ConsentPermit(user, principal.id) if principal.role is Role.SECURITY_ADMIN and not limited else None
