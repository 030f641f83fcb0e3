"""Revoke a node: one generation up, and every lease under it is dead at the next look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from leasehold.model.consents import issuer_of_user, spelled_user
from leasehold.model.errors import FieldError, Forbidden, InvalidBody, NotFound
from leasehold.model.kinds import Kind
from leasehold.model.leases import REGISTRY, Node
from leasehold.model.objects import Spec, Stored
from leasehold.policy.decision import Permit
from leasehold.policy.platform import kind_of_node, within_teams
from leasehold.registry.consequences import nodes_of_policy
from leasehold.registry.journal import Target, attempt, record_change, record_success, recording_failure
from leasehold.registry.ports import Store, UnitOfWork
from leasehold.registry.preconditions import check_stack
from leasehold.registry.teams import check_teams, require, team_of_agent

NODE_KINDS = {
    "owner": Kind.OWNERS,
    "agent": Kind.AGENTS,
    "deployment": Kind.DEPLOYMENTS,
    "binding": Kind.WORKLOAD_BINDINGS,
    "profile": Kind.CREDENTIAL_PROFILES,
    "policy": Kind.POLICIES,
}

# Nodes of no object: a person (offboarded), an agent as a client (its keys leaked). Nobody's team, no stack's.
_PEOPLE = ("user", "client")


@dataclass(frozen=True, slots=True)
class Revocation:
    """The node's generation from now on; 0 for a lease that nobody knows, which is dead anyway (RFC 7009 §2.2)."""

    node: Node
    generation: int
    at: datetime


def parse_node(text: str) -> Node:
    """The node that a caller names. Raises `InvalidBody`."""
    kind, _, name = text.partition(":")
    if text != REGISTRY and (kind not in {*NODE_KINDS, *_PEOPLE, "lease"} or not name or not text.isprintable()):
        kinds = ", ".join(f"{one}:<name>" for one in (*NODE_KINDS, *_PEOPLE))
        message = f"must read registry, {kinds} or lease:<id>"
        raise InvalidBody([FieldError("node", message)])
    return Node(text)


def revoke_node(store: Store, permit: Permit, node: Node, reason: str, now: datetime) -> Revocation:
    """Revoke a node, durable before this returns. Raises the error that says why not."""
    event = attempt(permit.principal, "revoke", kind_of_node(node), node, now)
    event = replace(event, detail={**event.detail, "reason": reason})
    with recording_failure(store, event), store.begin() as unit:
        unit.changes.lock()
        generation = _revoke(unit, permit, node, now)
        record_success(unit, event)
        return Revocation(node, generation, now)


def _revoke(unit: UnitOfWork, permit: Permit, node: Node, now: datetime) -> int:
    kind, _, name = node.partition(":")
    if kind == "lease":
        return _revoke_lease(unit, permit, node, name, now)
    live: Stored[Spec] | None = None
    if node == REGISTRY or kind in _PEOPLE:
        _check_root(permit)
        if node not in unit.nodes.generations((node,)):
            _check_somebody(unit, kind, name)
    else:
        live = _check_object(unit, permit, NODE_KINDS[kind], node, name)
    # Whoever keeps a copy of the registry learns from the sequence of changes that it is old.
    target = Target(kind, name, live.revision if live is not None else 0)
    record_change(unit, permit.principal, "revoke", target, now)
    own, *others = nodes_of_policy(unit, name) if kind == "policy" else (node,)
    for other in others:
        unit.nodes.bump(other)
    return unit.nodes.bump(own)


def _check_root(permit: Permit) -> None:
    if permit.principal.stack is not None:
        raise Forbidden("an identity that is limited to a stack may not revoke the whole registry")


def _check_somebody(unit: UnitOfWork, kind: str, name: str) -> None:
    """That a person or client of whom nothing was issued yet can be one. Raises `InvalidBody`, `NotFound`.

    To whoever off-boards, "revoked" for a name that is misspelt would be a lie.
    """
    if kind == "user":
        spelled = spelled_user(f"user:{name}")
        if not name.partition("/")[2] or spelled != f"user:{name}":
            raise InvalidBody([FieldError("node", f"must be as `sub` of their tokens has it, such as `{spelled}`")])
        if unit.objects.find(Kind.TRUST_ISSUERS, issuer_of_user(name)) is None:
            raise NotFound("trust issuer", issuer_of_user(name))
    elif unit.objects.find(Kind.AGENTS, name) is None and unit.registrations.find(name) is None:
        raise NotFound("client", name)


def _check_object(unit: UnitOfWork, permit: Permit, kind: Kind, node: Node, name: str) -> Stored[Spec] | None:
    live = unit.objects.find(kind, name)
    if live is not None:
        check_teams(unit, permit, name, live.spec)
        check_stack(live, permit.principal)
        return live
    if node not in unit.nodes.generations((node,)):
        raise NotFound(kind.singular, name)
    require(within_teams(permit, (None,)))  # deleted: nobody's team, so that only an unlimited role may
    return None


def _revoke_lease(unit: UnitOfWork, permit: Permit, node: Node, lease_id: str, now: datetime) -> int:
    lease = unit.leases.find(lease_id)
    if lease is None:
        return 0
    if permit.principal.lease != lease_id:  # one's own lease is always one's to end
        require(within_teams(permit, (team_of_agent(unit, lease.agent),)))
        check_stack(unit.objects.find(Kind.AGENTS, lease.agent) if lease.agent else None, permit.principal)
    if lease.revoked_at is None:
        unit.leases.revoke(lease_id, now)
        return unit.nodes.bump(node)
    return unit.nodes.ensure(node)
