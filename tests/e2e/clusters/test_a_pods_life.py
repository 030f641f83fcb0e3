"""From a projected token to a lease, and from a deleted pod to a dead one, through a real `leasehold serve`."""

import statistics
import sys
import time

from tests.e2e.clusters.conftest import accepts, at_once
from tests.fakes.serving import wait_until

from leasehold.model.workloads import WorkloadKind

PODS = WorkloadKind.PODS
RUNS = 15
OWN_CACHE_SECONDS = 10.0


def test_a_deleted_pod_is_refused_everywhere_long_before_the_api_server_itself_refuses_it(watched):
    """Kubernetes goes on accepting a token that it reviewed for ten seconds after its pod is gone."""
    took, reviewed = [], []
    with watched.resource_server() as server:
        wait_until(lambda: server.verifier.staleness_ms() < 1000)
        for n in range(RUNS):
            workload = watched.pod(f"triage-{n}")
            token = watched.lease(workload)
            assert accepts(server, token)
            if watched.real:
                assert watched.cluster.review(workload, watched.registry.url)["status"]["authenticated"]
            deleting = at_once(lambda n=n: watched.cluster.delete(PODS, f"triage-{n}"))
            took.append(wait_until(lambda token=token: not accepts(server, token)) * 1000)
            deleting.join()
            if watched.real:
                status = watched.cluster.review(workload, watched.registry.url)["status"]
                reviewed.append(status.get("authenticated", False))
            watched.dead(token)
            assert watched.exchange(workload)[0] == 400
    took.sort()
    sys.stderr.write(
        f"\npod deleted -> refused offline by a resource server, {'real' if watched.real else 'emulated'} API server, "
        f"{RUNS} pods: p50 {statistics.median(took):.1f} ms, max {took[-1]:.1f} ms"
        + (f"; still accepted by the API server's own TokenReview: {sum(reviewed)} of {RUNS}\n" if reviewed else "\n")
    )
    assert took[-1] < OWN_CACHE_SECONDS * 1000 / 2


def test_a_graceful_deletion_ends_the_lease_when_it_begins_and_a_pod_of_the_same_name_is_another(watched):
    workload = watched.pod("triage-1")
    token = watched.lease(workload)
    watched.cluster.begin_deletion(PODS, "triage-1")
    watched.dead(token)

    watched.cluster.delete(PODS, "triage-1")
    again = watched.lease(watched.pod("triage-1"))
    assert watched.registry.is_active(again)
    assert not watched.registry.is_active(token)
    assert watched.exchange(workload)[0] == 400


def test_leases_end_with_the_account_and_with_the_workload_that_the_deployment_names(watched):
    uid = watched.cluster.create(WorkloadKind.DEPLOYMENTS, "triage")
    watched.registry.change("deployments", "triage-prod", trust_issuer="prod", workload_uid=uid)
    workload = watched.pod("triage-1")
    token = watched.lease(workload)
    watched.cluster.delete(WorkloadKind.DEPLOYMENTS, "triage")
    watched.dead(token)
    assert watched.exchange(workload)[0] == 400

    uid = watched.cluster.create(WorkloadKind.DEPLOYMENTS, "triage")  # rolled out anew: the next epoch names it
    watched.registry.change("deployments", "triage-prod", workload_uid=uid)
    token = watched.lease(workload)
    watched.cluster.delete(WorkloadKind.SERVICE_ACCOUNTS, "triage")
    watched.dead(token)
    assert watched.exchange(workload)[0] == 400


def test_what_vanished_while_the_registry_was_down_ends_when_it_comes_back(watched):
    gone, alive = watched.pod("triage-1"), watched.pod("triage-2")
    tokens = [watched.lease(gone), watched.lease(alive)]
    watched.registry.kill()
    watched.cluster.delete(PODS, "triage-1")
    watched.registry.start()
    watched.dead(tokens[0])
    assert watched.registry.is_active(tokens[1])
    assert watched.lease(alive)
    assert watched.exchange(gone)[0] == 400


def test_the_log_and_the_audit_trail_tell_what_ended_and_no_secret(watched):
    token = watched.lease(watched.pod("triage-1"))
    watched.cluster.delete(PODS, "triage-1")
    watched.dead(token)
    (event,) = [one for one in watched.registry.events() if one["kind"] == "workloads"]
    assert (event["principal"], event["action"], event["outcome"]) == ("cluster:prod", "end", "ok")
    assert event["name"].startswith("pod:prod/")
    log = (watched.registry.folder / "serve.log").read_text()
    for secret in ((watched.registry.folder / "clusters" / "prod.token").read_text().strip(), token):
        assert secret not in log
        assert secret not in str(watched.registry.events())


def test_an_api_server_that_goes_and_comes_back_costs_nobody_a_lease(watched):
    workload = watched.pod("triage-1")
    token = watched.lease(workload)
    stop, start = (
        (watched.cluster.stop_api, watched.cluster.start_api)
        if watched.real
        else (watched.cluster.stop, watched.cluster.start)
    )
    stop()
    time.sleep(1)
    assert watched.registry.is_active(token)
    assert watched.exchange(workload)[0] == 200  # it was seen to stand less than five minutes ago
    start()
    watched.cluster.delete(PODS, "triage-1")
    watched.dead(token, 40)


def test_an_api_server_that_answers_nonsense_ends_nothing_and_gets_nothing(emulated):
    workload = emulated.pod("triage-1")
    token = emulated.lease(workload)
    emulated.registry.kill()
    for body in (b"{}", b"<html>", b'{"kind": "PodList", "items": []}'):
        emulated.cluster.replies["/api/v1/pods"] = (200, body)
        emulated.registry.start()
        asked = len(emulated.cluster.requests)
        wait_until(lambda asked=asked: any("/api/v1/pods?" in one for one in emulated.cluster.requests[asked:]))
        assert emulated.exchange(workload)[0] == 400
        assert emulated.registry.is_active(token)
        emulated.registry.kill()
    emulated.cluster.replies.clear()
    emulated.registry.start()
    assert emulated.lease(workload)
    assert emulated.registry.is_active(token)
