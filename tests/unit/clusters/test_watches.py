"""Who is followed: every cluster that a trust issuer asks for, as it is written now, and no other."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.contract.samples import stored
from tests.fakes.cluster import Cluster
from tests.fakes.serving import wait_until
from tests.unit.clusters.conftest import ISSUER, NOW, PODS

from leasehold.clusters.ending import KEPT
from leasehold.clusters.sightings import Sightings
from leasehold.clusters.watches import Watches
from leasehold.model.errors import Unavailable
from leasehold.model.kinds import Kind
from leasehold.model.objects import references
from leasehold.model.workloads import Standing, Workload, WorkloadKind
from leasehold.store.memory.store import MemoryStore

ONLY_PODS = replace(ISSUER, watch=frozenset({PODS}))


class Unreliable(MemoryStore):
    """A store that can be away."""

    away = missed = False

    def read(self):
        if self.away:
            self.missed = True
            raise Unavailable("the database does not answer")
        return super().read()


class Served:
    """A store whose trust issuers are watched, look by look."""

    def __init__(self) -> None:
        self.store, self.cluster, self.now = Unreliable(), Cluster(), NOW
        self.sightings = Sightings()
        self.watches = Watches(
            store=self.store, clusters=self.cluster, sightings=self.sightings, clock=lambda: self.now
        )

    def trust(self, issuer, revision=1):
        with self.store.begin() as unit:
            if issuer is None:
                unit.objects.delete(Kind.TRUST_ISSUERS, "prod")
            else:
                one = stored(Kind.TRUST_ISSUERS, "prod", issuer, revision=revision)
                unit.objects.put(one, references("prod", issuer))
        self.watches.look()

    def pod(self):
        pod = Workload("prod", PODS, self.cluster.create(PODS, "triage-1"))
        with self.store.begin() as unit:
            unit.nodes.ensure(pod.node)
        return pod

    def stands(self, pod):
        return self.sightings.standing(pod)

    def generation(self, node):
        with self.store.read() as unit:
            return unit.nodes.generations([node]).get(node)


@pytest.fixture
def served():
    served = Served()
    yield served
    served.watches.close()


def test_nothing_is_followed_unless_it_is_asked_for(served):
    served.trust(replace(ISSUER, watch=frozenset(), api_server=None, credential=None))
    assert served.cluster.asked == []
    assert served.stands(served.pod()) is Standing.UNHEARD


def test_a_cluster_is_followed_from_the_write_that_asks_until_the_one_that_does_not(served):
    pod = served.pod()
    served.trust(ONLY_PODS)
    wait_until(lambda: served.stands(pod) is Standing.STANDS)
    assert served.stands(Workload("prod", WorkloadKind.SERVICE_ACCOUNTS, pod.uid)) is Standing.UNHEARD

    served.cluster.delete(PODS, "triage-1")
    wait_until(lambda: served.generation(pod.node) == 2)

    served.trust(None)
    assert served.stands(pod) is Standing.UNHEARD
    asked = len(served.cluster.asked)
    served.cluster.create(PODS, "triage-2")
    assert len(served.cluster.asked) == asked


def test_an_issuer_that_changes_is_followed_anew(served):
    served.trust(ONLY_PODS)
    wait_until(lambda: "list" in served.cluster.asked)
    served.cluster.asked.clear()
    served.watches.look()  # nothing has changed
    assert "list" not in served.cluster.asked
    served.trust(replace(ONLY_PODS, credential="other"), revision=2)
    wait_until(lambda: "list" in served.cluster.asked)


def test_what_hangs_on_a_cluster_that_nobody_watches_any_more_ends(served):
    pod = served.pod()
    served.trust(ONLY_PODS)
    assert served.generation(pod.node) == 1
    served.trust(replace(ONLY_PODS, watch=frozenset({WorkloadKind.DEPLOYMENTS})), revision=2)
    assert served.generation(pod.node) == 2


def test_what_is_long_gone_is_forgotten(served):
    pod = served.pod()
    served.trust(ONLY_PODS)
    served.cluster.delete(PODS, "triage-1")
    wait_until(lambda: served.generation(pod.node) == 2)
    served.now += KEPT
    served.watches.look()
    assert served.generation(pod.node) == 2
    served.now += timedelta(minutes=1)
    served.watches.look()
    assert served.generation(pod.node) is None


def test_the_worker_survives_a_database_that_does_not_answer(served):
    served.store.away = True
    served.watches.start()
    wait_until(lambda: served.store.missed)
    served.store.away = False
    pod = served.pod()
    with served.store.begin() as unit:
        unit.objects.put(stored(Kind.TRUST_ISSUERS, "prod", ONLY_PODS), references("prod", ONLY_PODS))
    wait_until(lambda: served.stands(pod) is Standing.STANDS)
    served.watches.close()
    served.watches.close()  # twice is no error
