"""Deployments: what leases hang on and die with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from leasehold_cdktf._cdk import Construct
from leasehold_cdktf.collector import Declared, Entry, refer
from leasehold_cdktf.names import moment


class Deployment(Declared):
    """One running incarnation of an agent. Every change is a new epoch; destroying it ends every lease under it.

    An `Agent` brings one along. Declare your own, with `Agent(deployment=False)`, when an agent runs in several places
    that end apart from one another.

    Args:
        agent: Whose incarnation.
        commit: What is deployed; a new commit is a new epoch, and ends the leases of the old one.
        run_url: The CI run that deployed it.
        workload: Where it runs, for reports.
        expires_at: When it ends by itself: RFC 3339 or an aware datetime.
        trust_issuer: The cluster in which `workload_uid` runs; it must watch deployments.
        workload_uid: The uid of the Kubernetes Deployment that this one ends with.
        heartbeat_ttl: Seconds within which a heartbeat is owed, again and again; a missed one ends the epoch.
        name: The name in the registry; the construct's id if left out.

    Raises:
        ValueError: a malformed name, a time without a zone, or a workload without its cluster.
    """

    KIND = "leasehold_deployment"

    def __init__(  # noqa: PLR0913  one keyword per attribute
        self,
        scope: Construct,
        id_: str,
        *,
        agent: Entry | str,
        commit: str = "",
        run_url: str = "",
        workload: str = "",
        expires_at: str | datetime | None = None,
        trust_issuer: Entry | str | None = None,
        workload_uid: str | None = None,
        heartbeat_ttl: int | None = None,
        name: str | None = None,
    ) -> None:
        if (trust_issuer is None) != (workload_uid is None):
            raise ValueError("trust_issuer and workload_uid belong together: the cluster, and the Deployment in it")
        super().__init__(scope, id_, name)
        details: dict[str, object] = {"commit": commit, "run_url": run_url, "workload": workload}
        details |= {"workload_uid": workload_uid, "heartbeat_ttl": heartbeat_ttl}
        details["trust_issuer"] = None if trust_issuer is None else refer(trust_issuer, self.collector)
        declare_deployment(self, agent, details, moment(expires_at, "expires_at"))


class OwnDeployment(Entry):
    """The deployment that an `Agent` brings along, under the agent's name."""

    KIND = Deployment.KIND

    def __init__(self, agent: Entry, commit: str, run_url: str) -> None:
        super().__init__(agent.collector, agent.name)
        declare_deployment(self, agent, {"commit": commit, "run_url": run_url}, None)


def declare_deployment(entry: Entry, agent: Entry | str, details: Mapping[str, object], expires_at: str | None) -> None:
    """Declare a deployment after all that settles its agent, so that it is the first to go."""
    attributes = {
        "agent": refer(agent, entry.collector),
        **{what: value or None for what, value in details.items()},
        "expires_at": expires_at,
    }
    after = agent.settled_by if isinstance(agent, Entry) and agent.collector is entry.collector else ()
    entry.declare(attributes, after)
