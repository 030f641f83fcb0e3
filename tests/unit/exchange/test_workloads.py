"""A lease hangs on what runs it: a pod, an account, a deployment of a watched cluster, each by its uid."""

import base64
import json
from datetime import timedelta

import pytest
from tests.fakes.client_keys import ASSERTION
from tests.fakes.delegation_world import READ, Family
from tests.fakes.exchange_world import REGISTRY_AUDIENCE, TOOLS

from leasehold.clusters.ending import end_workloads
from leasehold.exchange.refusals import ExchangeRefused
from leasehold.model.deployments import Deployment
from leasehold.model.heartbeats import Heartbeat
from leasehold.model.kinds import Kind
from leasehold.model.principal import Role
from leasehold.model.trust import IssuerType
from leasehold.model.workloads import STALE_SECONDS, Sighting, Workload, WorkloadKind

INACTIVE = {"active": False}
EVERYTHING = frozenset(WorkloadKind)
DEPLOYED = "0f0e0d0c-0000-4000-8000-000000000001"


def uid_of(token: str, what: str) -> str:
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims["kubernetes.io"][what]["uid"]


class Watched:
    """The cluster of a world, watched by this server."""

    def __init__(self, world, watch=EVERYTHING) -> None:
        self.world = world
        credentials = {"api_server": "https://10.0.0.1:6443", "credential": "prod"} if watch else {}
        world.trust("cluster", world.cluster, IssuerType.KUBERNETES, watch=watch, **credentials)
        world.bump("binding:triage-pods")
        token = world.pod_token()
        self.pod = Workload("cluster", WorkloadKind.PODS, uid_of(token, "pod"))
        self.account = Workload("cluster", WorkloadKind.SERVICE_ACCOUNTS, uid_of(token, "serviceaccount"))
        self.deployed = Workload("cluster", WorkloadKind.DEPLOYMENTS, DEPLOYED)
        self.see()

    def see(self) -> None:
        """The cluster says that all is there."""
        for one in (self.pod, self.account, self.deployed):
            self.world.sightings.replace("cluster", one.kind, {one.uid})

    def gone(self, workload: Workload) -> None:
        """The cluster says that it is not, and this server heard it."""
        self.world.sightings.change("cluster", workload.kind, Sighting(workload.uid, present=False, version="9"))
        self.gone_elsewhere(workload)

    def gone_elsewhere(self, workload: Workload) -> None:
        """Another server heard it."""
        end_workloads(self.world.store, [workload.node], "deleted", self.world.now)

    def refused(self, token=None, **options) -> str:
        with pytest.raises(ExchangeRefused):
            self.world.get(token or self.world.pod_token(), **options)
        return self.world.events()[0].reason


@pytest.fixture
def watched(world):
    return Watched(world)


def test_a_token_says_what_it_dies_with(watched):
    issued = watched.world.get(watched.world.pod_token())
    ancestors = [ancestor.node for ancestor in issued.lease.ancestors]
    assert ancestors[-2:] == [watched.pod.node, watched.account.node]
    assert watched.pod.node == f"pod:cluster/{watched.pod.uid}"


@pytest.mark.parametrize("what", ["pod", "account"])
def test_a_lease_ends_with_its_pod_and_with_its_account_and_there_is_no_other(watched, what):
    issued = watched.world.get(watched.world.pod_token())
    assert watched.world.introspect(issued.access_token)["active"]

    watched.gone(getattr(watched, what))

    assert watched.world.introspect(issued.access_token) == INACTIVE
    # The token of the vanished pod is still good by its signature, for up to an hour.
    assert watched.refused() == "workload_gone"


def test_the_end_that_another_server_heard_of_counts_here_at_once(watched):
    issued = watched.world.get(watched.world.pod_token())
    watched.gone_elsewhere(watched.pod)
    assert watched.world.introspect(issued.access_token) == INACTIVE
    assert watched.refused() == "workload_gone"


def test_a_pod_that_ends_while_its_token_is_being_signed_gets_none(watched):
    watched.world.mint.meanwhile = lambda: watched.gone(watched.pod)
    assert watched.refused() == "workload_gone"


def test_a_pod_that_ends_before_its_node_is_written_gets_none(watched):
    """Nothing hangs on it yet, so that nobody has anything to end: it is asked for again once there is a node."""
    write = watched.world.ledger.write

    async def interrupted(entry):
        watched.world.ledger.write = write
        watched.gone(watched.pod)
        return await write(entry)

    watched.world.ledger.write = interrupted
    assert watched.refused() == "workload_gone"


def test_a_pod_made_anew_is_not_touched_by_the_end_of_the_old_one_nor_keeps_it_alive(watched):
    old = watched.world.get(watched.world.pod_token())
    watched.gone(watched.pod)
    private = json.loads(json.dumps(watched.world.cluster.claims()["kubernetes.io"]))
    private["pod"]["uid"] = "11111111-0000-4000-8000-000000000002"
    token = watched.world.cluster.token(**{"kubernetes.io": private})
    assert watched.refused(token) == "workload_gone"  # not seen yet

    watched.world.sightings.change(
        "cluster", WorkloadKind.PODS, Sighting(private["pod"]["uid"], present=True, version="10")
    )
    new = watched.world.get(token)
    assert watched.world.introspect(new.access_token)["active"]
    assert watched.world.introspect(old.access_token) == INACTIVE


def test_a_cluster_that_nobody_has_heard_of_gets_nothing(watched):
    watched.world.sightings.forget("cluster", WorkloadKind.PODS)
    assert watched.refused() == "cluster_unheard"


def test_a_cluster_that_is_silent_for_too_long_gets_nothing_and_what_it_got_lives_to_its_end(watched):
    issued = watched.world.get(watched.world.pod_token())
    watched.world.later(seconds=STALE_SECONDS - 60)
    assert watched.world.get(watched.world.pod_token())  # known to stand a while ago

    watched.world.later(seconds=61)
    assert watched.refused() == "cluster_unheard"
    assert watched.world.introspect(issued.access_token) == INACTIVE  # expired meanwhile
    watched.see()
    assert watched.world.get(watched.world.pod_token())


def test_a_token_that_is_bound_to_no_pod_is_refused_where_pods_are_watched(watched):
    private = {k: v for k, v in watched.world.cluster.claims()["kubernetes.io"].items() if k != "pod"}
    token = watched.world.cluster.token(**{"kubernetes.io": private})
    assert watched.refused(token) == "unbound"


@pytest.mark.parametrize("uid", ["", "a/b", "x" * 65, "pod:other/1", "ü", 7, None])
def test_a_uid_that_is_none_makes_no_node(watched, uid):
    private = json.loads(json.dumps(watched.world.cluster.claims()["kubernetes.io"]))
    private["pod"]["uid"] = uid
    assert watched.refused(watched.world.cluster.token(**{"kubernetes.io": private})) == "bad_claim"
    with watched.world.store.read() as unit:
        assert unit.workloads.standing("pod:") == frozenset()


def test_only_what_is_watched_is_held_on_to(world):
    watched = Watched(world, frozenset({WorkloadKind.SERVICE_ACCOUNTS}))
    issued = world.get(world.pod_token())
    nodes = {ancestor.node for ancestor in issued.lease.ancestors}
    assert watched.account.node in nodes
    assert watched.pod.node not in nodes


def test_a_cluster_that_is_not_watched_works_as_ever(world):
    watched = Watched(world, frozenset())
    watched.gone(watched.pod)
    assert world.introspect(world.get(world.pod_token()).access_token)["active"]


def test_a_platform_role_dies_with_its_pod_too(watched):
    pins = watched.world.cluster
    binding = {"trust_issuer": "cluster", "role": Role.AUDITOR}
    with watched.world.store.read() as unit:
        subject = unit.objects.get(Kind.WORKLOAD_BINDINGS, "triage-pods").spec.kubernetes
    watched.world.bind("auditors", kubernetes=subject, **binding)
    token = watched.world.get(pins.token(), REGISTRY_AUDIENCE).access_token
    caller = watched.world.registry_token()
    assert watched.world.introspect(token, caller)["active"]
    watched.gone(watched.pod)
    assert watched.world.introspect(token, caller) == INACTIVE


def test_an_agent_that_proves_itself_as_a_client_by_its_pod_dies_with_it(watched):
    def ask():
        return watched.world.form(
            "/oauth2/token",
            grant_type="client_credentials",
            client_id="triage",
            resource=TOOLS,
            client_assertion_type=ASSERTION,
            client_assertion=watched.world.pod_token(),
        )

    token = ask().json["access_token"]
    assert watched.world.introspect(token)["active"]
    watched.gone(watched.pod)
    assert watched.world.introspect(token) == INACTIVE
    assert (ask().status, ask().json["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("whose", ["its own", "its parent's"])
def test_a_sub_agent_dies_with_its_own_pod_and_with_its_parents(watched, whose):
    family = Family(watched.world)
    parent = watched.world.get(watched.world.pod_token())
    workload = family.pod("coder")
    own = Workload("cluster", WorkloadKind.PODS, uid_of(workload, "pod"))
    account = Workload("cluster", WorkloadKind.SERVICE_ACCOUNTS, uid_of(workload, "serviceaccount"))
    for one in (own, account):
        watched.world.sightings.change("cluster", one.kind, Sighting(one.uid, present=True, version="8"))
    child = family.spawn(parent.access_token, "coder", scopes=READ).access_token
    assert watched.world.introspect(child)["active"]

    watched.gone(own if whose == "its own" else watched.pod)
    assert watched.world.introspect(child) == INACTIVE
    assert watched.world.introspect(parent.access_token)["active"] is (whose == "its own")


def deploy(watched, **fields):
    watched.world.put(Kind.DEPLOYMENTS, "triage-prod", Deployment(agent="triage", **fields))


def test_a_lease_ends_with_the_workload_that_its_deployment_names(watched):
    deploy(watched, trust_issuer="cluster", workload_uid=DEPLOYED)
    issued = watched.world.get(watched.world.pod_token())
    assert watched.deployed.node in {ancestor.node for ancestor in issued.lease.ancestors}

    watched.gone(watched.deployed)
    assert watched.world.introspect(issued.access_token) == INACTIVE
    assert watched.refused() == "deployment_gone"


def test_a_deployment_whose_workload_nobody_has_seen_holds_nothing(watched):
    deploy(watched, trust_issuer="cluster", workload_uid="0f0e0d0c-0000-4000-8000-00000000000f")
    assert watched.refused() == "deployment_gone"
    deploy(watched, trust_issuer="github", workload_uid=DEPLOYED)
    assert watched.refused() == "deployment_gone"


def test_a_second_deployment_of_the_agent_takes_over_where_the_binding_leaves_it_open(watched):
    deploy(watched, trust_issuer="cluster", workload_uid=DEPLOYED)
    watched.world.put(Kind.DEPLOYMENTS, "triage-next", Deployment(agent="triage"))
    assert watched.refused() == "ambiguous_deployment"
    watched.gone(watched.deployed)
    assert watched.world.get(watched.world.pod_token()).lease.deployment == "triage-next"


def owe(world, **changes):
    due_at = world.now + timedelta(seconds=30)
    beat = Heartbeat(deployment="triage-prod", ttl=timedelta(seconds=30), due_at=due_at)
    with world.store.begin() as unit:
        unit.heartbeats.put(beat if not changes else Heartbeat(**{**_fields(beat), **changes}))


def _fields(beat):
    return {name: getattr(beat, name) for name in ("deployment", "ttl", "due_at", "missed_at")}


def test_a_deployment_that_missed_a_heartbeat_holds_nothing_whether_or_not_anybody_noticed(world):
    world.put(Kind.DEPLOYMENTS, "triage-prod", Deployment(agent="triage", heartbeat_ttl=30))
    owe(world)
    assert world.get(world.pod_token())
    world.later(seconds=30)
    with pytest.raises(ExchangeRefused):
        world.get(world.pod_token())
    assert world.events()[0].reason == "heartbeat_missed"

    owe(world)
    assert world.get(world.pod_token())
    owe(world, missed_at=world.now)
    with pytest.raises(ExchangeRefused):
        world.get(world.pod_token())


def test_a_deployment_that_owes_heartbeats_and_has_none_on_record_holds_nothing(world):
    world.put(Kind.DEPLOYMENTS, "triage-prod", Deployment(agent="triage", heartbeat_ttl=30))
    with pytest.raises(ExchangeRefused):
        world.get(world.pod_token())
    assert world.events()[0].reason == "heartbeat_missed"
