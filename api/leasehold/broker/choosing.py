"""Which connection a call goes out with, as the registry stands now.

INVARIANT: the person's own, else the one promoted for this very agent, else none. A person's connection that is there
but unusable is no reason to go out as somebody else: the person is asked to connect anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

from leasehold.broker.ports import UnitOfWork
from leasehold.model.connections import (
    Connection,
    ConnectionKind,
    Holder,
    NotConnectedReason,
    Personal,
    SealedConnection,
    UpstreamCall,
)
from leasehold.model.kinds import Kind
from leasehold.model.leases import REGISTRY, Ancestor, Node, user_node
from leasehold.model.objects import Stored
from leasehold.model.people import Agent, Owner
from leasehold.model.tools import ToolServer
from leasehold.model.upstream import CredentialUpstream, UpstreamAuth
from leasehold.policy.connecting import may_call


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A connection for a call, its secret still shut."""

    sealed: SealedConnection = field(repr=False)
    kind: ConnectionKind
    auth: UpstreamAuth


@dataclass(frozen=True, slots=True)
class NothingNeeded:
    """The server wants to see nothing."""


@dataclass(frozen=True, slots=True)
class ByProfile:
    """A credential of a profile, drawn for the agent."""

    upstream: CredentialUpstream


@dataclass(frozen=True, slots=True)
class NothingChosen:
    """No connection, and whether the person could do something about it."""

    reason: NotConnectedReason
    may_connect: bool = False


def choose(unit: UnitOfWork, call: UpstreamCall) -> Chosen | ByProfile | NothingNeeded | NothingChosen:
    """The connection of a call, looked up by who it is for: nobody else's is ever read."""
    agent = found_agent(unit, call.agent)
    server = found_server(unit, call.tool_server)
    if agent is None or not _answered_for(unit, agent.spec):
        return NothingChosen(NotConnectedReason.AGENT_ENDED)
    if server is None:
        return NothingChosen(NotConnectedReason.UNKNOWN_SERVER)
    if not _same_origin(call.url, address_of(server.spec)):
        return NothingChosen(NotConnectedReason.OTHER_ADDRESS)
    auth = server.spec.upstream_auth
    if auth is None:
        return NothingNeeded()
    if auth.credential is not None:
        return ByProfile(auth.credential)
    return _held(unit, call, agent, server.spec, auth)


def found_server(unit: UnitOfWork, name: str) -> Stored[ToolServer] | None:
    """The tool server of this name."""
    return cast("Stored[ToolServer] | None", unit.objects.find(Kind.TOOL_SERVERS, name))


def found_agent(unit: UnitOfWork, name: str) -> Stored[Agent] | None:
    """The agent of this name."""
    return cast("Stored[Agent] | None", unit.objects.find(Kind.AGENTS, name))


def address_of(server: ToolServer) -> str:
    """Where calls to a tool server go: what its connections are bound to, and made for (RFC 8707 §2)."""
    return server.address


def nodes_of(holder: Holder) -> tuple[Node, ...]:
    """The nodes that a connection of this holder hangs on."""
    return (REGISTRY, user_node(holder.user)) if isinstance(holder, Personal) else (REGISTRY,)


def ancestors_now(unit: UnitOfWork, holder: Holder) -> tuple[Ancestor, ...]:
    """The nodes that a connection made now hangs on, as they are."""
    nodes = nodes_of(holder)
    generations = unit.nodes.generations(nodes)
    return tuple(Ancestor(node, generations.get(node, 0)) for node in nodes)


def fallen(unit: UnitOfWork, connections: Iterable[Connection]) -> list[Connection]:
    """Those that nothing holds up any more: their person was revoked, or the registry was."""
    asked = list(connections)
    generations = unit.nodes.generations({a.node for one in asked for a in one.ancestors})
    return [one for one in asked if any(generations.get(a.node, 0) != a.generation for a in one.ancestors)]


def _held(
    unit: UnitOfWork, call: UpstreamCall, agent: Stored[Agent], server: ToolServer, auth: UpstreamAuth
) -> Chosen | NothingChosen:
    if call.user is not None and auth.personal:
        own = unit.connections.find(Personal(call.user), call.tool_server)
        if own is not None:
            return _checked(unit, own, server, auth, ConnectionKind.PERSONAL)
    return _promoted(unit, call, agent, server, auth)


def _promoted(
    unit: UnitOfWork, call: UpstreamCall, agent: Stored[Agent], server: ToolServer, auth: UpstreamAuth
) -> Chosen | NothingChosen:
    may_connect = call.user is not None and auth.personal
    reason = NotConnectedReason.NOT_CONNECTED if may_connect else NotConnectedReason.NOT_PROMOTED
    promotion = unit.promotions.find(call.agent, call.tool_server) if auth.shared else None
    if promotion is None or promotion.agent_since != agent.created_at:
        return NothingChosen(reason, may_connect)
    shared = unit.connections.find(promotion.holder, call.tool_server)
    if shared is None or shared.connection.id != promotion.connection:
        return NothingChosen(reason, may_connect)
    return _checked(unit, shared, server, auth, ConnectionKind.SHARED)


def _checked(
    unit: UnitOfWork, sealed: SealedConnection, server: ToolServer, auth: UpstreamAuth, kind: ConnectionKind
) -> Chosen | NothingChosen:
    """The connection, if it is still for this server, at this address, and stands."""
    one = sealed.connection
    fits = (one.method, one.address) == (auth.method, address_of(server)) and not one.broken
    if fits and auth.oauth is not None and auth.oauth.issuer is not None:
        fits = one.issuer == auth.oauth.issuer
    if not fits or fallen(unit, (one,)):
        return NothingChosen(NotConnectedReason.RECONNECT, kind is ConnectionKind.PERSONAL)
    return Chosen(sealed=sealed, kind=kind, auth=auth)


def _answered_for(unit: UnitOfWork, agent: Agent) -> bool:
    owner = cast("Stored[Owner] | None", unit.objects.find(Kind.OWNERS, agent.owner))
    return owner is not None and may_call(agent, owner.spec)


def _same_origin(url: str, address: str) -> bool:
    asked, ours = urlsplit(url), urlsplit(address)
    return (asked.scheme, asked.netloc) == (ours.scheme, ours.netloc)
