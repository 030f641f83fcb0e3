"""From the end of a lease to the refusal at a resource server, over HTTP, through every break on the way."""

import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.fakes.live_feed import refusal
from tests.fakes.serving import wait_until

from leasehold.model.leases import Node, agent_node
from leasehold.store.sql_store import open_store
from leasehold.verify import Proof


def test_a_revoked_token_is_refused_before_anybody_could_use_it_again(service):
    with service.resource_server() as server:
        token = service.agent_token()
        receipt = server.verifier.check(token, "comment", "repo:web")
        assert receipt.proof is Proof.FEED
        httpx.post(f"{service.url}/oauth2/revoke", data={"token": token}).raise_for_status()
        took = wait_until(lambda: refusal(server, token) is not None)
        assert refusal(server, token) == "revoked"
        assert took < 0.25  # less than a heartbeat: it was pushed, not looked for
        assert refusal(server, service.agent_token()) is None


def test_what_another_replica_commits_is_heard_at_once_on_postgresql_and_within_a_beat_on_sqlite(service, registry_url):
    other = open_store(registry_url)
    with service.resource_server() as server:
        token = service.agent_token()
        slowest = 0.0
        for number in range(3):
            with other.begin() as unit:
                unit.nodes.bump(Node(f"agent:n{number}"))
            known = server.follower._known
            slowest = max(slowest, wait_until(lambda: f"agent:n{number}" in known.minimums))  # noqa: B023
        with other.begin() as unit:
            unit.nodes.bump(agent_node("triage"))
        wait_until(lambda: refusal(server, token) == "revoked", seconds=2)
    other.close()
    assert slowest < (0.2 if registry_url.startswith("postgresql") else 1.0)


KILLED = """
    import os, signal, sys
    from leasehold.store.sql_store import open_store
    store = open_store(sys.argv[1])
    store.listen(lambda events: events and os.kill(os.getpid(), signal.SIGKILL))
    with store.begin() as unit:
        unit.nodes.bump("agent:triage")
    print("not killed")
"""


def test_a_server_killed_between_commit_and_push_loses_nothing(service, registry_url):
    with service.resource_server() as server:
        token = service.agent_token()
        service.stop()
        killed = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(KILLED), registry_url], capture_output=True, check=False, timeout=60
        )
        assert killed.returncode == -9, killed.stderr
        assert refusal(server, token, "read_file") is None  # nobody can have told it, and it may be that old
        service.start()
        wait_until(lambda: refusal(server, token, "read_file") == "revoked")


def test_without_the_service_writes_end_at_once_reads_later_and_both_come_back(service):
    with service.resource_server() as server:
        token = service.agent_token()
        assert refusal(server, token) is None
        service.stop()
        wait_until(lambda: server.verifier.staleness_ms() > 1000, seconds=5)
        assert refusal(server, token) == "not_known_alive"
        assert refusal(server, token, "read_file") is None
        service.start()
        wait_until(lambda: refusal(server, token) is None)
        assert server.verifier.check(token, "comment", "repo:web")


def test_a_feed_that_is_silent_leaves_introspection(service, monkeypatch):
    with service.resource_server() as server:
        token = service.agent_token()
        server.follower.close()
        wait_until(lambda: server.verifier.staleness_ms() > 1000, seconds=5)
        assert server.verifier.check(token, "comment", "repo:web").proof is Proof.INTROSPECTION
        service.world.bump(agent_node("triage"))
        assert refusal(server, token) == "revoked"


def test_who_was_away_for_too_long_takes_the_snapshot(service):
    with service.resource_server() as server:
        token = service.agent_token()
        server.follower.close()
        service.world.bump(agent_node("triage"))
        service.world.bump(agent_node("other"))
        with service.world.store.begin() as unit:
            assert unit.revocations.forget(datetime.now(UTC) + timedelta(seconds=1)) == 1
            unit.nodes.bump(agent_node("triage"))
        server.follower.start()
        wait_until(lambda: refusal(server, token, "read_file") == "revoked")
        wait_until(lambda: server.verifier.staleness_ms() < 500)


@pytest.mark.parametrize("path", ["/revocations", "/revocations/stream?since=0"])
def test_the_feed_is_no_agents_business(service, path):
    headers = {"authorization": f"Bearer {service.agent_token()}"}
    assert httpx.get(service.url + path, headers=headers).status_code == 401


def test_a_statement_of_the_feed_opens_no_door(service):
    with service.resource_server() as server:
        own = {"authorization": f"Bearer {server.follower._bearer()}"}
        snapshot = httpx.get(f"{service.url}/revocations", headers=own).text
        assert refusal(server, snapshot) == "wrong_type"
        as_bearer = {"authorization": f"Bearer {snapshot}"}
        assert httpx.get(f"{service.url}/revocations", headers=as_bearer).status_code == 401
        asked = httpx.post(f"{service.url}/oauth2/introspect", data={"token": snapshot}, headers=own)
        assert asked.json() == {"active": False}
