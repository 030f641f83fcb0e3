"""Deployments: the anchor that leases hang on and die with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from leasehold.model.errors import InvalidValue
from leasehold.model.names import check_name, check_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One running incarnation of an agent. Every write is a new epoch; deleting it ends every lease under it."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "strict": False, "str_max_length": 65_536}
    agent: str
    commit: str = ""
    run_url: str = ""
    workload: str = ""
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        check_name(self.agent, "agent")
        for what, value in (("commit", self.commit), ("run_url", self.run_url), ("workload", self.workload)):
            check_text(value, what)
        if self.expires_at is not None and self.expires_at.tzinfo is None:
            raise InvalidValue("expires_at must carry a time zone")
