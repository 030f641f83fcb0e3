"""Workloads of clusters, and what a deployment may say of them."""

import pytest

from leasehold.model.deployments import Deployment
from leasehold.model.errors import InvalidValue
from leasehold.model.kinds import Kind
from leasehold.model.objects import Reference, references
from leasehold.model.workloads import Workload, WorkloadKind, issuer_of, nodes_of

UID = "18b0a8f8-4fbd-4b02-bdf8-2fce124cab19"


def test_a_node_says_kind_cluster_and_uid():
    nodes = {kind: Workload("prod", kind, UID).node for kind in WorkloadKind}
    assert set(nodes.values()) == {f"pod:prod/{UID}", f"account:prod/{UID}", f"workload:prod/{UID}"}
    for kind, node in nodes.items():
        assert node.startswith(nodes_of(kind, "prod"))
        assert node.startswith(nodes_of(kind))
        assert not node.startswith(nodes_of(kind, "pro"))
        assert issuer_of(node) == "prod"


@pytest.mark.parametrize("uid", ["", "a/b", "a:b", "x" * 65, "a b", "ü", "a\n", "*"])
def test_a_uid_that_is_none_makes_no_workload(uid):
    with pytest.raises(InvalidValue, match="uid"):
        Workload("prod", WorkloadKind.PODS, uid)
    with pytest.raises(InvalidValue, match="workload_uid"):
        Deployment(agent="a", trust_issuer="prod", workload_uid=uid)


@pytest.mark.parametrize("given", [{"trust_issuer": "prod"}, {"workload_uid": UID}])
def test_a_deployment_names_a_cluster_and_the_workload_in_it_together(given):
    with pytest.raises(InvalidValue, match="belong together"):
        Deployment(agent="a", **given)


def test_a_deployment_refers_to_the_cluster_that_it_runs_in():
    spec = Deployment(agent="a", trust_issuer="prod", workload_uid=UID)
    assert spec.runs_as == Workload("prod", WorkloadKind.DEPLOYMENTS, UID)
    assert list(references("d", spec)) == [
        Reference("agent", Kind.AGENTS, "a"),
        Reference("trust_issuer", Kind.TRUST_ISSUERS, "prod"),
    ]
    assert Deployment(agent="a").runs_as is None


@pytest.mark.parametrize("ttl", [0, -1, 4, 86_401])
def test_a_heartbeat_is_owed_neither_too_often_nor_too_seldom(ttl):
    with pytest.raises(InvalidValue, match="heartbeat_ttl must be 5 to 86400 seconds"):
        Deployment(agent="a", heartbeat_ttl=ttl)
