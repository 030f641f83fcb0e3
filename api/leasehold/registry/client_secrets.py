"""Client secrets, where an organisation insists: generated, shown once, kept as a memory-hard hash, expiring."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from leasehold.authn.clients import hash_secret
from leasehold.model.clients import ClientSecret
from leasehold.model.errors import FieldError, InvalidBody, NotFound
from leasehold.model.kinds import Kind
from leasehold.model.leases import client_node
from leasehold.model.people import Agent
from leasehold.policy.decision import Permit
from leasehold.registry.journal import attempt, record_success, recording_failure
from leasehold.registry.ports import Store, UnitOfWork
from leasehold.registry.preconditions import check_stack

SECRET_PREFIX = "lhs_"  # noqa: S105  what secret scanners look for
_SECRET_BYTES, _SALT_BYTES = 32, 16
_KIND = "client-secrets"


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret, this once."""

    secret: str = field(repr=False)
    kept: ClientSecret


def issue_client_secret(store: Store, permit: Permit, agent: str, ttl: timedelta, now: datetime) -> NewSecret:
    """A new secret of an agent; the one before and what it got end. Raises the error that says why not."""
    secret, salt = SECRET_PREFIX + secrets.token_urlsafe(_SECRET_BYTES), secrets.token_bytes(_SALT_BYTES)
    kept = ClientSecret(
        agent=agent, salt=salt.hex(), digest=hash_secret(secret, salt), created_at=now, expires_at=now + ttl
    )
    event = attempt(permit.principal, "issue", _KIND, agent, now)
    with recording_failure(store, event), store.begin() as unit:
        check_stack(unit.objects.find(Kind.AGENTS, agent), permit.principal)  # with it, one is that agent
        _check_allowed(unit, agent)
        unit.client_secrets.put(kept)
        unit.nodes.bump(client_node(agent))
        record_success(unit, event)
    return NewSecret(secret, kept)


def end_client_secret(store: Store, permit: Permit, agent: str, now: datetime) -> None:
    """End the secret of an agent, and what it got. Raises the error that says why not."""
    event = attempt(permit.principal, "delete", _KIND, agent, now)
    with recording_failure(store, event), store.begin() as unit:
        check_stack(unit.objects.find(Kind.AGENTS, agent), permit.principal)
        if not unit.client_secrets.delete(agent):
            raise NotFound("client secret", agent)
        unit.nodes.bump(client_node(agent))
        record_success(unit, event)


def _check_allowed(unit: UnitOfWork, agent: str) -> None:
    spec = unit.objects.get(Kind.AGENTS, agent).spec
    if not isinstance(spec, Agent) or not spec.client_secret_allowed:
        message = f"agent `{agent}` does not allow client secrets: let it prove itself with client_jwks instead"
        raise InvalidBody([FieldError("", message)])
