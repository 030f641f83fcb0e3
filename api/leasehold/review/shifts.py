"""Which way one object moved, told from its two specs alone: wider, narrower, or only different."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leasehold.model.access import Reach, reach_of_scope
from leasehold.model.authority.order import Verdict, covers
from leasehold.model.ceilings import reach_under
from leasehold.model.clients import DpopUse
from leasehold.model.credentials import CredentialProfile
from leasehold.model.deployments import HEARTBEAT_MAX_SECONDS, Deployment
from leasehold.model.directory import Relation, Resource, User
from leasehold.model.exceptions import DriftException
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.objects import Spec
from leasehold.model.people import TTL_MAX_SECONDS, Agent, AgentState, Owner, OwnerState
from leasehold.model.pins import ToolPin
from leasehold.model.policies import Policy
from leasehold.model.tools import Pinning, Scope, ToolServer
from leasehold.model.trust import TrustIssuer, WorkloadBinding
from leasehold.review.attributes import canonical_keys
from leasehold.review.becoming import binding_shift, issuer_shift
from leasehold.review.moves import Move, Shift, combined, size
from leasehold.review.risk import MAY_DIFFER, UNPROVEN
from leasehold.review.worlds import World

PUBLIC_CLIENTS = "any program may act as it for people who consent"
NO_PUBLIC_CLIENTS = "no program without a key may act as it"


@dataclass(frozen=True, slots=True)
class Sides:
    """The declared world and the live one."""

    declared: World
    live: World


def shift(declared: Spec, live: Spec, sides: Sides) -> Shift:
    """How `live` moved away from `declared`, two specs of one object."""
    if type(declared) is not type(live):
        raise TypeError("two specs of one object are of one noun")
    return combined(_RULES[type(live)](declared, live, sides))


def _owner(was: Owner, now: Owner, _: Sides) -> list[Move]:
    return [
        *size(was.state is OwnerState.ACTIVE, now.state is OwnerState.ACTIVE, "owner enabled", "owner disabled"),
        *_differs(was.email, now.email, 2, "another person answers"),
        *_differs(was.team, now.team, 2, "another team answers"),
    ]


def _agent(was: Agent, now: Agent, _: Sides) -> list[Move]:
    return [
        *size(was.state is AgentState.ACTIVE, now.state is AgentState.ACTIVE, "agent resumed", "agent suspended"),
        *size(was.max_ttl, now.max_ttl, "longer tokens", "shorter tokens"),
        *_differs(was.owner, now.owner, 2, "another owner answers"),
        *_differs(was.environment, now.environment, 2, "another environment"),
        *_client(was, now),
        *([Move(+1, 3, "more agents may act for it")] if now.may_delegate_to - was.may_delegate_to else []),
        *([Move(-1, 1, "fewer agents may act for it")] if was.may_delegate_to - now.may_delegate_to else []),
        *size(was.max_delegation_depth, now.max_delegation_depth, "longer chains", "shorter chains"),
        *([Move(0, 2, "review put off")] if now.review_by > was.review_by else []),
    ]


def _dynamic_clients(was: int, now: int) -> list[Move]:
    if was == now:
        return []
    more = Move(+1, 3, "more clients may register themselves for it")
    return [more if now > was else Move(-1, 1, "fewer clients may register themselves for it")]


def _public_clients(was: bool, now: bool) -> list[Move]:
    if was == now:
        return []
    return [Move(+1, 3, PUBLIC_CLIENTS) if now else Move(-1, 1, NO_PUBLIC_CLIENTS)]


def _client(was: Agent, now: Agent) -> list[Move]:
    keys = canonical_keys(was.client_jwks or "") != canonical_keys(now.client_jwks or "")
    moved = keys or was.client_jwks_uri != now.client_jwks_uri
    return [
        *([Move(+1, 3, "other keys may act as it")] if moved and (now.client_jwks or now.client_jwks_uri) else []),
        *([Move(-1, 1, "no key may act as it")] if moved and not (now.client_jwks or now.client_jwks_uri) else []),
        *size(was.client_secret_allowed, now.client_secret_allowed, "a client secret is allowed", "no client secret"),
        *([Move(+1, 3, "people come back to another address")] if now.redirect_uris - was.redirect_uris else []),
        *([Move(-1, 1, "people come back to fewer addresses")] if was.redirect_uris - now.redirect_uris else []),
        *([Move(+1, 3, "clients at other addresses may act as it")] if now.client_ids - was.client_ids else []),
        *([Move(-1, 1, "clients at fewer addresses may act as it")] if was.client_ids - now.client_ids else []),
        *_dynamic_clients(was.dynamic_clients, now.dynamic_clients),
        *_public_clients(was.public_clients, now.public_clients),
        *_proofs(was.dpop, now.dpop),
    ]


def _proofs(was: DpopUse, now: DpopUse) -> list[Move]:
    off = DpopUse.OFF
    return size(was is off, now is off, "tokens without proof of possession", "tokens need proof")


def _server(was: ToolServer, now: ToolServer, _: Sides) -> list[Move]:
    was_does = {(name, tool.action) for name, tool in was.tools.items()}
    now_does = {(name, tool.action) for name, tool in now.tools.items()}
    return [
        *([Move(+1, 3, "tokens are good at another address")] if was.url != now.url else []),
        *([Move(+1, 2, "more tools offered")] if now_does - was_does else []),
        *([Move(-1, 1, "fewer tools offered")] if was_does - now_does else []),
        *_differs(_typing(was, now), _typing(now, was), 2, "policies see other arguments"),
        *size(
            was.pinning is Pinning.OBSERVE,
            now.pinning is Pinning.OBSERVE,
            "tools are used without a pin",
            "tools need a pin",
        ),
        *_proofs(was.dpop, now.dpop),
    ]


def _pin(was: ToolPin, now: ToolPin, _: Sides) -> list[Move]:
    """What is approved beside, or instead of, what was."""
    before, after = was.approved, now.approved
    more = after.tools.items() - before.tools.items()
    return [
        *([Move(+1, 3, "other tools are approved")] if more else []),
        *([Move(+1, 3, "other instructions are approved")] if before.instructions != after.instructions else []),
        *([Move(-1, 1, "fewer tools are approved")] if before.tools.keys() - after.tools.keys() else []),
    ]


def _typing(one: ToolServer, other: ToolServer) -> list[object]:
    """What types the calls of the tools that both have."""
    both = sorted(one.tools.keys() & other.tools.keys())
    return [(one.tools[tool].input_schema, one.tools[tool].annotations) for tool in both]


def _scope(was: Scope, now: Scope, _: Sides) -> list[Move]:
    return _reach(frozenset(reach_of_scope(was)), frozenset(reach_of_scope(now)), "scope")


def _ceiling(was: Ceiling, now: Ceiling, sides: Sides) -> list[Move]:
    # each side by its own scopes' names in one world: a scope that moved is reported as itself
    scopes: Mapping[str, Scope] = {**sides.live.of(Scope), **sides.declared.of(Scope)}
    return [
        *([Move(+1, 3, "ceiling lifted from its principal")] if was.principal != now.principal else []),
        *_reach(frozenset(reach_under(was, scopes)), frozenset(reach_under(now, scopes)), "ceiling"),
        *size(was.max_ttl or TTL_MAX_SECONDS, now.max_ttl or TTL_MAX_SECONDS, "longer tokens", "shorter tokens"),
        *_proofs(was.dpop, now.dpop),
    ]


def _grant(was: Grant, now: Grant, _: Sides) -> list[Move]:
    return _ends(was.expires_at, now.expires_at)


def _deployment(was: Deployment, now: Deployment, _: Sides) -> list[Move]:
    moved = [Move(+1, 3, "deployment serves another agent")] if was.agent != now.agent else []
    other = _differs((was.commit, was.workload, was.run_url), (now.commit, now.workload, now.run_url), 1, "redeployed")
    ends = [*_ends(was.expires_at, now.expires_at), *_heartbeat(was.heartbeat_ttl, now.heartbeat_ttl)]
    return [*moved, *ends, *_differs(was.runs_as, now.runs_as, 2, "ends with another workload"), *other]


def _heartbeat(was: int | None, now: int | None) -> list[Move]:
    """A deployment that owes no sign of life, or owes it later, outlives who runs it for longer."""
    never = HEARTBEAT_MAX_SECONDS + 1
    return size(was or never, now or never, "heartbeats owed later", "heartbeats owed sooner")


def _issuer(was: TrustIssuer, now: TrustIssuer, _: Sides) -> list[Move]:
    return issuer_shift(was, now)


def _binding(was: WorkloadBinding, now: WorkloadBinding, _: Sides) -> list[Move]:
    return binding_shift(was, now)


def _policy(was: Policy, now: Policy, _: Sides) -> list[Move]:
    return [
        *_differs((was.document, was.schema, was.permits), (now.document, now.schema, now.permits), 3, MAY_DIFFER),
        *_differs(was.side, now.side, 3, "the other side is judged"),
        *([Move(0, 3, f"mode {now.mode}")] if was.mode is not now.mode else []),
    ]


def _asked(was: object, now: object, _: Sides) -> list[Move]:
    return _differs(was, now, 2, MAY_DIFFER)


def _profile(was: CredentialProfile, now: CredentialProfile, _: Sides) -> list[Move]:
    return [
        *([Move(+1, 3, "more agents draw credentials")] if now.agents - was.agents else []),
        *([Move(-1, 1, "fewer agents draw credentials")] if was.agents - now.agents else []),
        *_differs(was.target, now.target, 3, "credentials of another cut"),
        *size(was.max_ttl, now.max_ttl, "longer credentials", "shorter credentials"),
    ]


def _exception(was: DriftException, now: DriftException, _: Sides) -> list[Move]:
    moved = [Move(+1, 2, "another finding is accepted")] if was.fingerprint != now.fingerprint else []
    return [*moved, *_ends(was.expires_at, now.expires_at)]


_RULES: dict[type, Callable[[Any, Any, Sides], list[Move]]] = {  # Any: one rule per noun, looked up by that noun
    Owner: _owner,
    Agent: _agent,
    ToolServer: _server,
    ToolPin: _pin,
    Scope: _scope,
    Ceiling: _ceiling,
    Grant: _grant,
    Deployment: _deployment,
    TrustIssuer: _issuer,
    WorkloadBinding: _binding,
    CredentialProfile: _profile,
    Policy: _policy,
    User: _asked,
    Resource: _asked,
    Relation: _asked,
    DriftException: _exception,
}


def _reach(was: frozenset[Reach], now: frozenset[Reach], noun: str) -> list[Move]:
    wider, narrower = covers(was, now), covers(now, was)
    return [
        *([Move(+1, 2, f"{noun} raised")] if wider is not Verdict.YES else []),
        *([Move(-1, 1, f"{noun} lowered")] if narrower is not Verdict.YES else []),
        *([Move(0, 2, UNPROVEN)] if Verdict.UNDECIDABLE in {wider, narrower} else []),
    ]


def _ends(was: datetime | None, now: datetime | None) -> list[Move]:
    if was == now:
        return []
    later = now is None or (was is not None and now > was)
    return [Move(+1, 2, "expires later" if now else "never expires")] if later else [Move(-1, 1, "expires earlier")]


def _differs(was: object, now: object, rank: int, factor: str) -> list[Move]:
    return [Move(0, rank, factor)] if was != now else []
