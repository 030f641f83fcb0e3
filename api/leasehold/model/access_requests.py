"""The question that the policy decision point answers: may this subject do exactly this to that resource, now?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from leasehold.model.entities import AGENT, USER, Entity, EntityRef

_NOTHING: Mapping[str, object] = {}


class OauthMode(StrEnum):
    """How the agent came by its token."""

    AUTONOMOUS = "autonomous"
    ON_BEHALF_OF = "on_behalf_of"


@dataclass(frozen=True, slots=True, kw_only=True)
class OauthStatus:
    """What the access token says. `consent`: the person consented to this agent, and it still stands."""

    mode: OauthMode
    scopes: frozenset[str] = frozenset()
    consent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """One question, whole. What the registry knows of subject, user and resource comes from there, not from here.

    `action` is `<tool server>/<tool>` for a tool call, any other name otherwise. `user` is on whose behalf the agent
    acts, None if it acts for itself. `chain` names the agents above it, the first of all at its head. `arguments` are
    the call's, as parsed JSON (`policy.cedar.documents.parse_arguments` refuses what JSON readers read differently).
    Attributes of the subject's and resource's entity are the caller's claims: known ones overrule them. `context` is
    what else the caller says.
    """

    subject: Entity
    action: str
    resource: Entity
    at: datetime
    user: Entity | None = None
    chain: tuple[str, ...] = ()
    deployment: str | None = None
    source: str | None = None
    oauth: OauthStatus | None = None
    arguments: Mapping[str, object] = field(default_factory=lambda: _NOTHING)
    context: Mapping[str, object] = field(default_factory=lambda: _NOTHING)


def agent_ref(name: str) -> EntityRef:
    """The entity of a registered agent."""
    return EntityRef(AGENT, name)


def user_ref(subject: str) -> EntityRef:
    """The entity of a person."""
    return EntityRef(USER, subject)


def action_name(tool_server: str, tool: str) -> str:
    """The action of a tool call. Neither part can hold a `/`."""
    return f"{tool_server}/{tool}"
