"""Clients that register themselves (RFC 7591, RFC 7592), each let in by a token that names the agent it is one of."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from leasehold.model.errors import FieldError, Forbidden, InvalidBody, NotFound, Unauthenticated
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.kinds import Kind
from leasehold.model.leases import client_node
from leasehold.model.people import Agent
from leasehold.model.registrations import (
    DYNAMIC_PREFIX,
    RegisteredClient,
    RegistrationToken,
    digest_of_token,
    metadata_of_registration,
)
from leasehold.policy.decision import Permit
from leasehold.policy.registering import RegistrationPermit, decide_management, decide_registration
from leasehold.registry.journal import attempt, record_success, recording_failure
from leasehold.registry.ports import Store, UnitOfWork
from leasehold.registry.preconditions import check_stack

INITIAL_PREFIX = "lhi_"  # what secret scanners look for
MANAGEMENT_PREFIX = "lhr_"
_TOKEN_BYTES, _ID_BYTES = 32, 16
_KIND = "registration-tokens"
_CLIENTS = "clients"
_REFUSED = "the registration token was not accepted"


@dataclass(frozen=True, slots=True)
class NewRegistrationToken:
    """An initial access token, this once."""

    token: str = field(repr=False)
    kept: RegistrationToken


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client that has just registered, and the token to manage it with, this once."""

    client: RegisteredClient
    token: str = field(repr=False)


def offer_registration(store: Store, permit: Permit, agent: str, ttl: timedelta, now: datetime) -> NewRegistrationToken:
    """A token with which one client may register for this agent. Raises the error that says why not."""
    token = INITIAL_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    kept = RegistrationToken(sha256=digest_of_token(token), agent=agent, expires_at=now + ttl)
    event = attempt(permit.principal, "issue", _KIND, agent, now)
    with recording_failure(store, event), store.begin() as unit:
        unit.changes.lock()
        check_stack(unit.objects.find(Kind.AGENTS, agent), permit.principal)  # a client of it is that agent
        if not _room_for(unit, agent):
            message = f"agent `{agent}` takes no further dynamic_clients: raise the number, or end one of them"
            raise InvalidBody([FieldError("", message)])
        unit.registrations.forget(agent, now)
        unit.registrations.offer(kept)
        record_success(unit, event)
    return NewRegistrationToken(token, kept)


def register_client(store: Store, unverified_token: str, body: bytes, now: datetime) -> NewClient:
    """Register a client. Raises `Unauthenticated`, `Forbidden`; `InvalidValue` for what it says of itself."""
    digest = digest_of_token(unverified_token)
    with store.read() as unit:
        permit = decide_registration(unit.registrations.offered(digest), now)
    if permit is None:
        raise Unauthenticated(_REFUSED)
    client_id, token = _new_names()
    client = RegisteredClient(
        metadata=metadata_of_registration(body, client_id),
        agent=permit.agent,
        token_sha256=digest_of_token(token),
        created_at=now,
    )
    _write_new(store, permit, digest, client)
    return NewClient(client, token)


def register_vouched_client(
    store: Store, permit: RegistrationPermit, vouched: Mapping[str, object], body: bytes, now: datetime
) -> NewClient:
    """Register a client that a software statement speaks of. Raises `Forbidden`; `InvalidValue`."""
    client_id, token = _new_names()
    client = RegisteredClient(
        metadata=metadata_of_registration(body, client_id, vouched=vouched),
        agent=permit.agent,
        token_sha256=digest_of_token(token),
        created_at=now,
    )
    _write_new(store, permit, None, client)
    return NewClient(client, token)


def read_client(store: Store, client_id: str, unverified_token: str) -> RegisteredClient:
    """A client, as it sees itself. Raises `Unauthenticated`, alike for an unknown client and a wrong token."""
    return _managed(store, client_id, unverified_token)[0]


def change_client(store: Store, client_id: str, unverified_token: str, body: bytes, now: datetime) -> RegisteredClient:
    """Replace what a client says of itself; what it was issued ends. Raises what `register_client` does."""
    client, permit = _managed(store, client_id, unverified_token)
    changed = replace(client, metadata=metadata_of_registration(body, client_id, registered=True))
    if changed != client:
        _change(store, permit, changed, now)
    return changed


def end_client(store: Store, client_id: str, unverified_token: str, now: datetime) -> None:
    """Forget a client; what it was issued ends. Raises `Unauthenticated`."""
    client, permit = _managed(store, client_id, unverified_token)
    _end(store, permit, client, now)


def list_clients(store: Store, agent: str) -> Sequence[RegisteredClient]:
    """The clients that registered themselves for an agent. Raises `NotFound`."""
    with store.read() as unit:
        unit.objects.get(Kind.AGENTS, agent)
        return unit.registrations.of_agent(agent)


def remove_client(store: Store, permit: Permit, agent: str, client_id: str, now: datetime) -> None:
    """Forget a client of an agent, and end what it was issued. Raises the error that says why not."""
    event = attempt(permit.principal, "delete", _CLIENTS, client_id, now)
    with recording_failure(store, event), store.begin() as unit:
        unit.changes.lock()
        check_stack(unit.objects.get(Kind.AGENTS, agent), permit.principal)
        client = unit.registrations.find(client_id)
        if client is None or client.agent != agent:
            raise NotFound("client", client_id)
        unit.registrations.remove(client_id)
        unit.nodes.bump(client_node(client_id))
        record_success(unit, event)


def _new_names() -> tuple[str, str]:
    """A client id, and the token to manage that client with."""
    token = MANAGEMENT_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    return DYNAMIC_PREFIX + secrets.token_hex(_ID_BYTES), token


def _managed(store: Store, client_id: str, unverified_token: str) -> tuple[RegisteredClient, RegistrationPermit]:
    with store.read() as unit:
        client = unit.registrations.find(client_id)
    permit = decide_management(client, digest_of_token(unverified_token))
    if client is None or permit is None:
        raise Unauthenticated(_REFUSED)
    return client, permit


def _write_new(store: Store, permit: RegistrationPermit, digest: str | None, client: RegisteredClient) -> None:
    event = _event(permit, "register", client, client.created_at)
    with recording_failure(store, event), store.begin() as unit:
        unit.changes.lock()
        if digest is not None and unit.registrations.take(digest) is None:  # somebody else was first
            raise Unauthenticated(_REFUSED)
        if not _room_for(unit, permit.agent):
            raise Forbidden("the agent takes no further clients")
        unit.registrations.put(client)
        unit.nodes.ensure(client_node(client.metadata.client_id))
        record_success(unit, event)


def _change(store: Store, permit: RegistrationPermit, client: RegisteredClient, now: datetime) -> None:
    event = _event(permit, "update", client, now)
    with recording_failure(store, event), store.begin() as unit:
        unit.changes.lock()
        if unit.registrations.find(client.metadata.client_id) is None:  # it ended meanwhile
            raise Unauthenticated(_REFUSED)
        unit.registrations.put(client)
        unit.nodes.bump(client_node(client.metadata.client_id))
        record_success(unit, event)


def _end(store: Store, permit: RegistrationPermit, client: RegisteredClient, now: datetime) -> None:
    event = _event(permit, "delete", client, now)
    with recording_failure(store, event), store.begin() as unit:
        unit.changes.lock()
        if not unit.registrations.remove(client.metadata.client_id):
            raise Unauthenticated(_REFUSED)
        unit.nodes.bump(client_node(client.metadata.client_id))
        record_success(unit, event)


def _room_for(unit: UnitOfWork, agent: str) -> bool:
    spec = unit.objects.get(Kind.AGENTS, agent).spec
    return isinstance(spec, Agent) and len(unit.registrations.of_agent(agent)) < spec.dynamic_clients


def _event(permit: RegistrationPermit, action: str, client: RegisteredClient, now: datetime) -> AuditEvent:
    said = client.metadata
    return AuditEvent(
        at=now,
        principal=f"client:{said.client_id}",
        action=action,
        kind=_CLIENTS,
        name=said.client_id,
        outcome=Outcome.ERROR,
        detail={
            "agent": permit.agent,
            "vouched_by": permit.vouched_by,
            "redirect_uris": sorted(said.redirect_uris),
            "grants": sorted(said.grants),
        },
    )
