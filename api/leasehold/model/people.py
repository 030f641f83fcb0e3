"""Owners, who answer for agents, and agents, which are neither people nor service accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar

from leasehold.model.clients import DpopUse, check_client_keys, check_redirect_uris
from leasehold.model.errors import InvalidValue
from leasehold.model.names import check_email, check_name, check_text
from leasehold.model.registrations import DYNAMIC_CLIENTS_MAX, check_client_ids

TTL_MIN_SECONDS = 60
TTL_MAX_SECONDS = 300  # design §6.6: access tokens live at most five minutes
DELEGATION_DEPTH_LIMIT = 4
_STRICT = {"extra": "forbid", "strict": False, "str_max_length": 65_536}


class OwnerState(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"


class AgentState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A named person, with the team they answer to. Disabling an owner stops every agent of theirs."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    display_name: str
    email: str
    team: str
    state: OwnerState = OwnerState.ACTIVE

    def __post_init__(self) -> None:
        check_text(self.display_name, "display_name")
        if not self.display_name.strip():
            raise InvalidValue("display_name must name a person")
        check_email(self.email)
        check_name(self.team, "team")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A registered principal. `review_by` is the day to confirm it again; `max_ttl` caps its tokens, in seconds.

    As an OAuth client it proves itself with keys of its own (`client_jwks`, inline JWK set of public keys, or
    `client_jwks_uri`) or with a workload token; `client_secret_allowed` admits a generated, expiring secret besides.
    `redirect_uris`, compared to the letter, are where people who consented come back to. `client_ids` are https URLs of
    metadata documents that describe further clients of it; `dynamic_clients` is how many may register themselves.
    `public_clients` lets clients without any authentication, such as programs on people's computers, act through it
    for people who log in and consent, each time.

    It may hand a part of its authority to the agents `may_delegate_to`, `max_delegation_depth` levels down at most.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    owner: str
    review_by: date
    description: str = ""
    environment: str = ""
    state: AgentState = AgentState.ACTIVE
    max_ttl: int = TTL_MAX_SECONDS
    client_jwks: str | None = None
    client_jwks_uri: str | None = None
    client_secret_allowed: bool = False
    redirect_uris: frozenset[str] = frozenset()
    client_ids: frozenset[str] = frozenset()
    dynamic_clients: int = 0
    public_clients: bool = False
    dpop: DpopUse = DpopUse.OFF
    may_delegate_to: frozenset[str] = frozenset()
    max_delegation_depth: int = 3

    def __post_init__(self) -> None:
        check_name(self.owner, "owner")
        check_client_keys(self.client_jwks, self.client_jwks_uri)
        check_redirect_uris(self.redirect_uris)
        check_client_ids(self.client_ids)
        if not 0 <= self.dynamic_clients <= DYNAMIC_CLIENTS_MAX:
            raise InvalidValue(f"dynamic_clients must be 0 to {DYNAMIC_CLIENTS_MAX}")
        check_text(self.description, "description")
        if self.environment:
            check_name(self.environment, "environment")
        if not TTL_MIN_SECONDS <= self.max_ttl <= TTL_MAX_SECONDS:
            raise InvalidValue(f"max_ttl must be {TTL_MIN_SECONDS} to {TTL_MAX_SECONDS} seconds")
        for agent in self.may_delegate_to:
            check_name(agent, "may_delegate_to")
        if not 0 <= self.max_delegation_depth <= DELEGATION_DEPTH_LIMIT:
            raise InvalidValue(f"max_delegation_depth must be 0 to {DELEGATION_DEPTH_LIMIT} levels of sub-agents")
