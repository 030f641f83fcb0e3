"""Deployments: the anchor that leases hang on and die with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from leasehold.model.errors import InvalidValue
from leasehold.model.names import check_name, check_text
from leasehold.model.workloads import Workload, WorkloadKind, check_uid

HEARTBEAT_MIN_SECONDS, HEARTBEAT_MAX_SECONDS = 5, 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One running incarnation of an agent. Every write is a new epoch; deleting it ends every lease under it.

    It also ends with the apps/v1 Deployment of `workload_uid` in the cluster of `trust_issuer`, and whenever no
    heartbeat comes for `heartbeat_ttl` seconds.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "strict": False, "str_max_length": 65_536}
    agent: str
    commit: str = ""
    run_url: str = ""
    workload: str = ""
    expires_at: datetime | None = None
    trust_issuer: str | None = None
    workload_uid: str | None = None
    heartbeat_ttl: int | None = None

    def __post_init__(self) -> None:
        check_name(self.agent, "agent")
        for what, value in (("commit", self.commit), ("run_url", self.run_url), ("workload", self.workload)):
            check_text(value, what)
        if self.expires_at is not None and self.expires_at.tzinfo is None:
            raise InvalidValue("expires_at must carry a time zone")
        if (self.trust_issuer is None) != (self.workload_uid is None):
            raise InvalidValue("trust_issuer and workload_uid belong together: the cluster, and the Deployment in it")
        if self.trust_issuer is not None and self.workload_uid is not None:
            check_name(self.trust_issuer, "trust_issuer")
            check_uid(self.workload_uid, "workload_uid")
        if self.heartbeat_ttl is not None and not (
            HEARTBEAT_MIN_SECONDS <= self.heartbeat_ttl <= HEARTBEAT_MAX_SECONDS
        ):
            raise InvalidValue(f"heartbeat_ttl must be {HEARTBEAT_MIN_SECONDS} to {HEARTBEAT_MAX_SECONDS} seconds")

    @property
    def runs_as(self) -> Workload | None:
        """The object of a cluster that this deployment ends with."""
        if self.trust_issuer is None or self.workload_uid is None:
            return None
        return Workload(self.trust_issuer, WorkloadKind.DEPLOYMENTS, self.workload_uid)
