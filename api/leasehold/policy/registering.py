"""May a client register itself, and may it change what it registered? Pure."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime

from leasehold.model.registrations import RegisteredClient, RegistrationToken
from leasehold.model.trust import WorkloadBinding


@dataclass(frozen=True, slots=True)
class RegistrationPermit:
    """One client of one agent may be written: a new one, or `client_id`. Only this module makes one.

    `vouched_by` is the workload binding of a software statement.
    """

    agent: str
    client_id: str | None = None
    vouched_by: str | None = None


def decide_registration(token: RegistrationToken | None, now: datetime) -> RegistrationPermit | None:
    """May whoever brought this initial access token register a client? One, of the agent that the token is for."""
    return RegistrationPermit(token.agent) if token is not None and now < token.expires_at else None


def decide_by_statement(binding_name: str, binding: WorkloadBinding) -> RegistrationPermit:
    """May the client that a software statement speaks of register? One, of the agent of its binding."""
    return RegistrationPermit(binding.agent or "", vouched_by=binding_name)


def decide_management(client: RegisteredClient | None, token_sha256: str) -> RegistrationPermit | None:
    """May whoever brought this registration access token see, change and end the client? Its own (RFC 7592 §1)."""
    if client is None or not hmac.compare_digest(client.token_sha256, token_sha256):
        return None
    return RegistrationPermit(client.agent, client.metadata.client_id)
