"""What runs in a cluster and holds leases: a pod, an account, a deployment, by the uid that no other is ever given."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from leasehold.model.errors import InvalidValue
from leasehold.model.leases import Node

_UID = re.compile(r"[A-Za-z0-9-]{1,64}")
STANDING_GENERATION = 1
"""Of a workload's node while the workload is there. A uid never comes back: any other generation means gone."""


class WorkloadKind(StrEnum):
    """What a cluster is watched for; the value is the word in a trust issuer's `watch`."""

    PODS = "pods"
    SERVICE_ACCOUNTS = "service-accounts"
    DEPLOYMENTS = "deployments"


_WORDS = {
    WorkloadKind.PODS: "pod",
    WorkloadKind.SERVICE_ACCOUNTS: "account",
    WorkloadKind.DEPLOYMENTS: "workload",
}


@dataclass(frozen=True, slots=True)
class Workload:
    """One object of the cluster behind a trust issuer. Two clusters' uids never meet, whatever they are."""

    trust_issuer: str
    kind: WorkloadKind
    uid: str

    def __post_init__(self) -> None:
        check_uid(self.uid, "uid")

    @property
    def node(self) -> Node:
        """The node above what it holds."""
        return Node(f"{nodes_of(self.kind, self.trust_issuer)}{self.uid}")


def nodes_of(kind: WorkloadKind, trust_issuer: str = "") -> str:
    """What the nodes of a kind start with: those of one cluster, or of all."""
    return f"{_WORDS[kind]}:{trust_issuer}/" if trust_issuer else f"{_WORDS[kind]}:"


def issuer_of(node: Node) -> str:
    """The trust issuer in the node of a workload."""
    return node.partition(":")[2].partition("/")[0]


def check_uid(value: str, what: str) -> None:
    """Raise `InvalidValue` unless `value` is the uid of an object of a cluster."""
    if not _UID.fullmatch(value):
        raise InvalidValue(f"{what} must be a Kubernetes uid: 1-64 letters, digits and `-`")


@dataclass(frozen=True, slots=True)
class Listing:
    """Every object of a kind that is there, by uid, and the version of the cluster that says so."""

    present: frozenset[str]
    version: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """One change of the cluster: an object is there, or is not, from `version` on. None: nothing changed up to it."""

    uid: str | None
    present: bool
    version: str


class ClusterSilent(Exception):
    """The cluster did not answer, or not in a way that means anything. The message is safe to log."""


class ClusterForgot(ClusterSilent):
    """The cluster does not know any more what happened since the version asked for: only a new list tells."""


class Standing(StrEnum):
    """Whether a workload is there, as far as we have heard."""

    STANDS = "stands"
    GONE = "gone"
    UNHEARD = "unheard"


STALE_SECONDS = 300.0
"""After this long without a word from a cluster we know nothing of it. It is as long as the longest lease lives: what
vanished while nobody could tell us is dead twice this long after, at the latest."""
