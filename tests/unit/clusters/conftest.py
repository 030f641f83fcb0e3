"""A cluster, a store, and a follower that tests take round by round."""

import asyncio
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from tests.fakes.cluster import Cluster

from leasehold.clusters.following import Followed, Follower
from leasehold.clusters.sightings import Sightings
from leasehold.model.errors import Unavailable
from leasehold.model.subjects import IssuerType
from leasehold.model.trust import TrustIssuer
from leasehold.model.workloads import Workload, WorkloadKind
from leasehold.store.memory.store import MemoryStore

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ISSUER = TrustIssuer(
    type=IssuerType.KUBERNETES,
    issuer="https://kubernetes.default.svc",
    audiences=frozenset({"https://leasehold.example"}),
    api_server="https://10.0.0.1:6443",
    credential="prod",
    watch=frozenset(WorkloadKind),
    allow_private=True,
)
PODS = WorkloadKind.PODS


class Scene:
    """One follower of the pods of one cluster."""

    def __init__(self, store=None, cluster=None) -> None:
        self.cluster, self.store, self.monotonic = cluster or Cluster(), store or MemoryStore(), 0.0
        self.sightings = Sightings(clock=lambda: self.monotonic)
        self.pauses = []
        self.broken = False
        self.now = NOW
        self.follower = Follower(
            Followed("prod", ISSUER, PODS),
            clusters=self.cluster,
            store=self,
            sightings=self.sightings,
            clock=lambda: self.now,
            pause=self._pause,
        )

    async def _pause(self, seconds):
        self.pauses.append(seconds)

    @contextmanager
    def begin(self):
        """A transaction, if the database works."""
        if self.broken:
            raise Unavailable("the database does not answer")
        with self.store.begin() as unit:
            yield unit

    def read(self):
        """A look at the store, which works."""
        return self.store.read()

    def round(self, times=1):
        for _ in range(times):
            asyncio.run(self.follower.round())

    def pod(self, name="triage-1", *, holds=True):
        """A new pod, on which a lease hangs."""
        uid = self.cluster.create(PODS, name)
        if holds:
            self.hang(uid)
        return Workload("prod", PODS, uid)

    def hang(self, uid):
        with self.store.begin() as unit:
            assert unit.nodes.ensure(Workload("prod", PODS, uid).node) == 1

    def generation(self, pod):
        with self.store.read() as unit:
            return unit.nodes.generations([pod.node]).get(pod.node)

    def told(self):
        """The nodes in the revocation stream, in order."""
        with self.store.read() as unit:
            return [(event.node, event.generation) for event in unit.revocations.since(0, 1000)]


@pytest.fixture
def scene():
    return Scene()
