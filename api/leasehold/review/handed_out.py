"""Authority that no code declares and no object holds: shared connections, who may use them, registered clients.

Tool servers and agents say whether there may be any (`shared`, `dynamic_clients`); which there are, somebody decided
by hand. What people connect for themselves (`personal`) is theirs: it gives an agent what the person has, while it acts
for them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from leasehold.model.connections import Connection, Promotion
from leasehold.model.kinds import Kind
from leasehold.model.people import Agent
from leasehold.model.records import AuditRecord
from leasehold.model.registrations import RegisteredClient
from leasehold.review.declared import Declared
from leasehold.review.drafts import Draft
from leasehold.review.findings import Cause, DriftClass
from leasehold.review.history import Evidence
from leasehold.review.quotation import quoted
from leasehold.review.risk import Assessment, in_production
from leasehold.review.worlds import Live

_API = "registry API"
_CLIENTS, _CONNECTIONS, _TOKENS = "clients", "connections", "registration-tokens"


@dataclass(frozen=True, slots=True)
class HandedOut:
    """All shared connections, promotions and registered clients that there are."""

    connections: Sequence[Connection] = ()
    promotions: Sequence[Promotion] = ()
    clients: Sequence[RegisteredClient] = ()


NOTHING_HANDED_OUT = HandedOut()


def unmanaged_authority(declared: Declared, live: Live, held: HandedOut, evidence: Evidence) -> Iterator[Draft]:
    """One draft for each that bears on what the stacks declare: on their agents, or on their tool servers."""
    servers = {one.name for one in declared.objects if one.kind is Kind.TOOL_SERVERS}
    promoted = [one for one in held.promotions if _is_used(live, one) and one.agent in declared.agents]
    used = {one.connection for one in promoted}
    idle = [one for one in held.connections if one.tool_server in servers and one.id not in used]
    clients = [one for one in held.clients if one.agent in declared.agents]
    told = evidence.done({*_asked(promoted, idle, clients)}) if promoted or idle or clients else {}
    for promotion in promoted:
        yield _of_promotion(promotion, live, told.get((_CONNECTIONS, promotion.connection), ()))
    for connection in idle:
        yield _of_connection(connection, told.get((_CONNECTIONS, connection.id), ()))
    for client in clients:
        name = client.metadata.client_id
        yield _of_client(client, live, told.get((_CLIENTS, name), ()), told.get((_TOKENS, client.agent), ()))


def _asked(
    promoted: Iterable[Promotion], idle: Iterable[Connection], clients: Iterable[RegisteredClient]
) -> Iterator[tuple[str, str]]:
    yield from ((_CONNECTIONS, one.connection) for one in promoted)
    yield from ((_CONNECTIONS, one.id) for one in idle)
    for one in clients:
        yield from ((_CLIENTS, one.metadata.client_id), (_TOKENS, one.agent))


def _is_used(live: Live, one: Promotion) -> bool:
    """False of an agent that has been registered anew since: it gets nothing of what an earlier one had."""
    stored = live.stored.get((Kind.AGENTS, one.agent))
    return stored is not None and stored.created_at == one.agent_since


def _of_promotion(one: Promotion, live: Live, told: Sequence[AuditRecord]) -> Draft:
    what = f"shared connection {quoted(one.holder.name)} at tool server {quoted(one.tool_server)}"
    sentence = f"agent {quoted(one.agent)} may use {what}, and no code says so ({quoted(one.justification)})"
    event = next((record for record in told if _is(record, "promote", agent=one.agent)), None)
    return Draft(
        DriftClass.UNMANAGED,
        (Kind.AGENTS, one.agent),
        one.agent,
        sentence,
        _assessed(2, "a shared connection is used", one.agent, live),
        signs=("promotion", one.tool_server, one.connection),
        cause=_cause(one.promoted_by, one.promoted_at, "promote", event),
        revert=f"leasehold connections demote {shlex.quote(one.connection)} --agent {shlex.quote(one.agent)}",
    )


def _of_connection(one: Connection, told: Sequence[AuditRecord]) -> Draft:
    sentence = f"tool server {quoted(one.tool_server)} has shared connection {quoted(one.holder.key)}, used by no agent"
    event = told[-1] if told else None  # the first that is told of an id is that it was made
    return Draft(
        DriftClass.UNMANAGED,
        (Kind.TOOL_SERVERS, one.tool_server),
        None,
        sentence,
        Assessment(1, ("a secret is kept",)),
        signs=("connection", one.id),
        cause=_cause(one.created_by, one.created_at, "create", event),
        revert=f"leasehold connections remove {shlex.quote(one.id)}",
    )


def _of_client(one: RegisteredClient, live: Live, told: Sequence[AuditRecord], tokens: Sequence[AuditRecord]) -> Draft:
    """Whoever handed out the token that it registered with, or vouched for it, let it in."""
    name = one.metadata.client_id
    registered = next((record for record in told if _is(record, "register")), None)
    vouched = registered.event.detail.get("vouched_by") if registered is not None else None
    handed = [record for record in tokens if record.event.action == "issue" and record.event.at <= one.created_at]
    actor = f"binding:{vouched}" if vouched else handed[0].event.principal if len(handed) == 1 else f"client:{name}"
    sentence = f"client {quoted(name)} registered itself and can become agent {quoted(one.agent)}"
    return Draft(
        DriftClass.UNMANAGED,
        (Kind.AGENTS, one.agent),
        one.agent,
        sentence,
        _assessed(3, "another client is let in", one.agent, live),
        signs=("client", name, one.metadata.jwks or one.metadata.jwks_uri or ""),
        cause=_cause(actor, one.created_at, "create", registered),
        revert=f"DELETE /v1/agents/{one.agent}:clients/{name}",
    )


def _cause(actor: str, at: datetime, operation: str, record: AuditRecord | None) -> Cause:
    return Cause(actor, at, operation, via=_API, event=record.sequence if record is not None else None)


def _is(record: AuditRecord, action: str, **detail: str) -> bool:
    event = record.event
    return event.action == action and all(event.detail.get(name) == value for name, value in detail.items())


def _assessed(rank: int, factor: str, agent: str, live: Live) -> Assessment:
    found = Assessment(rank, (factor,))
    return found.raised(1, "production") if in_production(live.world.of(Agent).get(agent)) else found
