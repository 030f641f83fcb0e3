"""A deployment that ends with a workload of a cluster names one that is watched for it."""

import pytest
from tests.fakes.registry import AGENT, DEPLOYMENT, OWNER, RegistryClient

UID = "18b0a8f8-4fbd-4b02-bdf8-2fce124cab19"
CLUSTER = {
    "type": "kubernetes",
    "issuer": "https://k8s.example.com",
    "audiences": ["leasehold"],
    "api_server": "https://10.0.0.1:6443",
    "credential": "prod",
}


@pytest.fixture
def registry():
    registry = RegistryClient()
    registry.must("owners", "alice", OWNER)
    registry.must("agents", "triage", AGENT)
    registry.must("trust-issuers", "watched", {**CLUSTER, "watch": ["pods", "deployments"]})
    registry.must("trust-issuers", "half", {**CLUSTER, "issuer": "https://half.example.com", "watch": ["pods"]})
    return registry


def deploy(registry, **fields):
    return registry.create("deployments", "triage-prod", {**DEPLOYMENT, **fields})


def test_a_workload_of_a_watched_cluster_is_taken_and_told_back(registry):
    assert deploy(registry, trust_issuer="watched", workload_uid=UID).status_code == 201
    live = registry.get("deployments", "triage-prod").json()
    assert (live["trust_issuer"], live["workload_uid"], live["heartbeat_ttl"]) == ("watched", UID, None)
    assert registry.get("trust-issuers", "watched").json()["watch"] == ["deployments", "pods"]


def test_a_cluster_that_is_not_watched_for_it_is_refused_at_its_attribute(registry):
    answer = deploy(registry, trust_issuer="half", workload_uid=UID)
    assert answer.status_code == 422
    assert [one["path"] for one in answer.json()["errors"]] == ["trust_issuer"]
    assert deploy(registry, trust_issuer="wached", workload_uid=UID).json()["code"] == "unknown_reference"


def test_a_cluster_that_a_deployment_runs_in_is_not_deleted(registry):
    deploy(registry, trust_issuer="watched", workload_uid=UID)
    assert registry.delete("trust-issuers", "watched", 1).json()["code"] == "in_use"


@pytest.mark.parametrize(
    "watch", ["pods", ["nodes"], [""], [7], {"pods": True}, None, ["Pods"], ["pods", "pods"]], ids=repr
)
def test_what_cannot_be_watched_is_refused(registry, watch):
    body = {**CLUSTER, "issuer": "https://other.example.com", "watch": watch}
    assert registry.create("trust-issuers", "other", body).status_code == 422
