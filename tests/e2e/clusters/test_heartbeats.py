"""A deployment that owes heartbeats, through a real `leasehold serve`: verifiers learn of a missed one offline."""

import http.client
import json
import time

from tests.e2e.clusters.conftest import accepts
from tests.fakes.serving import wait_until

TTL = 5


def beat(watched, token, deployment="triage-prod"):
    connection = http.client.HTTPConnection("127.0.0.1", watched.registry.door.upstream, timeout=10)
    headers = {"authorization": f"Bearer {token}"}
    connection.request("POST", f"/v1/deployments/{deployment}:heartbeat", headers=headers)
    answer = connection.getresponse()
    try:
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_a_workload_that_falls_silent_is_refused_everywhere_and_only_a_controller_brings_it_back(emulated):
    emulated.registry.change("deployments", "triage-prod", heartbeat_ttl=TTL)
    workload = emulated.pod("triage-1")
    token = emulated.lease(workload)
    with emulated.resource_server() as server:
        wait_until(lambda: server.verifier.staleness_ms() < 1000)
        for _ in range(4):
            time.sleep(TTL / 2)
            assert beat(emulated, token)[0] == 200
        assert accepts(server, token)  # twice as long as one heartbeat is good for

        took = wait_until(lambda: not accepts(server, token), TTL + 10)
        assert TTL - 1 < took < TTL + 5
        assert not emulated.registry.is_active(token)
        assert emulated.exchange(workload)[0] == 400
        assert beat(emulated, token)[0] == 401

        assert beat(emulated, emulated.registry.token("admin"))[0] == 200
        again = emulated.lease(workload)
        wait_until(lambda: accepts(server, again))
        assert not accepts(server, token)
