"""Who may make, see, promote and end connections at tool servers."""

from __future__ import annotations

from dataclasses import dataclass

from leasehold.model.connections import Holder, Personal
from leasehold.model.people import Agent, AgentState, Owner, OwnerState
from leasehold.model.principal import Principal, Role
from leasehold.model.upstream import UpstreamAuth

_READERS = frozenset({Role.SECURITY_ADMIN, Role.AUDITOR})


@dataclass(frozen=True, slots=True)
class ConnectPermit:
    """A connection of `holder` may be made and ended, `by` whom. Only this module makes one."""

    holder: Holder
    by: str


@dataclass(frozen=True, slots=True)
class SharingPermit:
    """Shared connections may be promoted for agents and taken back, `by` whom. Only this module makes one."""

    by: str


@dataclass(frozen=True, slots=True)
class ListingPermit:
    """What is known of connections may be seen: of `holder`, or of everybody if that is None."""

    holder: Holder | None = None


@dataclass(frozen=True, slots=True)
class UpkeepPermit:
    """What was decided is kept up: a token refreshed for its holder, a connection ended whose person is gone."""

    holder: Holder


def decide_own(user: str) -> ConnectPermit:
    """A person may always connect what is theirs, and end it."""
    return ConnectPermit(Personal(user), user)


def decide_shared(principal: Principal, holder: Holder) -> ConnectPermit | None:
    """May a platform principal make or end this connection? The security role: shared ones, and anybody's to end it."""
    return ConnectPermit(holder, principal.id) if _is_security(principal) else None


def decide_sharing(principal: Principal) -> SharingPermit | None:
    """May a platform principal say which agents use what is shared? The security role may."""
    return SharingPermit(principal.id) if _is_security(principal) else None


def decide_listing(principal: Principal) -> ListingPermit | None:
    """May a platform principal see what is known of everybody's connections? Never what they hold."""
    return ListingPermit() if principal.role in _READERS else None


def decide_own_listing(user: str) -> ListingPermit:
    """A person sees their own."""
    return ListingPermit(Personal(user))


def decide_upkeep(holder: Holder) -> UpkeepPermit:
    """What a holder connected is kept up for this very holder."""
    return UpkeepPermit(holder)


def may_call(agent: Agent, owner: Owner) -> bool:
    """True while an agent lives and somebody answers for it: for another no connection goes out."""
    return agent.state is AgentState.ACTIVE and owner.state is OwnerState.ACTIVE


def may_be_held(auth: UpstreamAuth, holder: Holder) -> bool:
    """True if a tool server's declaration lets this holder have a connection there."""
    if auth.credential is not None:  # drawn for each agent by its profile: there is nothing to hold
        return False
    return auth.personal if isinstance(holder, Personal) else auth.shared


def _is_security(principal: Principal) -> bool:
    limited = principal.plan_only or principal.stack is not None
    return principal.role is Role.SECURITY_ADMIN and not limited
