"""Owners, who answer for agents, and agents, which are neither people nor service accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar

from leasehold.model.errors import InvalidValue
from leasehold.model.names import check_email, check_name, check_text

TTL_MIN_SECONDS = 60
TTL_MAX_SECONDS = 300  # design §6.6: access tokens live at most five minutes
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
    """A registered principal. `review_by` is the day to confirm it again; `max_ttl` caps its tokens, in seconds."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    owner: str
    review_by: date
    description: str = ""
    environment: str = ""
    state: AgentState = AgentState.ACTIVE
    max_ttl: int = TTL_MAX_SECONDS

    def __post_init__(self) -> None:
        check_name(self.owner, "owner")
        check_text(self.description, "description")
        if self.environment:
            check_name(self.environment, "environment")
        if not TTL_MIN_SECONDS <= self.max_ttl <= TTL_MAX_SECONDS:
            raise InvalidValue(f"max_ttl must be {TTL_MIN_SECONDS} to {TTL_MAX_SECONDS} seconds")
