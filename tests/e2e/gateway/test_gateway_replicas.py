"""Two gateways on one PostgreSQL behind a balancer: each restarts in its turn, and callers notice nothing."""

import asyncio
import json
import os
import signal
from collections import Counter

import pytest
from tests.e2e.gateway.conftest import Gateway
from tests.e2e.gateway.test_going import Balancer, at
from tests.fakes.leasehold_process import ServerProcess
from tests.fakes.mcp_upstream import echoing, told_upstream
from tests.fakes.registry_http import LiveRegistry, _free_port

pytestmark = [pytest.mark.postgres]


class Replica:
    """One more server on the database, the keys and the address of a registry."""

    def __init__(self, registry, name):
        self.port, self._registry, self._name = _free_port(), registry, name
        self.start()

    def start(self):
        registry = self._registry
        output, log = registry.folder / f"{self._name}.out", registry.folder / f"{self._name}.log"
        environment = {
            "PATH": os.environ["PATH"],
            "LEASEHOLD_ISSUER": registry.url,
            "LEASEHOLD_LOG_LEVEL": "warning",
            "LEASEHOLD_DATA_DIR": str(registry.folder),
            **registry.environment,
        }
        self.process = ServerProcess(("--port", str(self.port)), environment, output, log)

    def stop(self):
        os.kill(self.process.pid, signal.SIGTERM)
        assert self.process.wait(20) in {0, -signal.SIGTERM}


@pytest.fixture
def replicas(tmp_path, postgresql_registry_url):
    registry = LiveRegistry(tmp_path / "data")
    (tmp_path / "data").mkdir()
    registry.environment |= {
        "LEASEHOLD_PRIVATE_UPSTREAMS": "127.0.0.1",
        "LEASEHOLD_DRAIN_SECONDS": "1",
        "LEASEHOLD_DATABASE_URL": postgresql_registry_url,
    }
    ours = []
    try:
        registry.furnish()
        ours = [Replica(registry, name) for name in ("one", "other")]
        with told_upstream() as upstream:
            gateway = Gateway(registry)
            gateway.declare("told", upstream.url)
            gateway.agent("worker", ("told", ["comment"], ["repo:web"]))
            yield gateway, upstream, ours
    finally:
        for one in ours:
            one.process.kill()
        registry.close()


def test_no_call_is_lost_or_made_twice_while_each_of_two_replicas_restarts(replicas):
    gateway, upstream, (one, other) = replicas
    token = gateway.token("worker", "told")
    for replica in (one, other):
        there = at(gateway, replica.port)
        there.until(lambda there=there: reply_of(there, token), lambda r: r is not None and r.status == 200)
    upstream.requests.clear()

    async def slowly(request, body):
        await asyncio.sleep(0.02)
        return await echoing(request, body)

    upstream.answer = slowly
    balancer = Balancer(gateway, token, (one.port, other.port))
    try:
        balancer.until(20)
        for replica in (one, other):
            before = len(balancer.answered)
            replica.stop()
            balancer.until(before + 20)
            replica.start()
            there = at(gateway, replica.port)
            there.until(lambda there=there: ready_of(there), lambda r: r is not None and r.status == 200)
            balancer.until(len(balancer.answered) + 20)
    finally:
        balancer.stop()
    assert balancer.lost == []
    reached = Counter(json.loads(body)["params"]["arguments"]["text"] for _, _, body in upstream.requests)
    assert set(reached.values()) == {1}
    assert set(balancer.answered) <= set(reached)


def reply_of(gateway, token):
    try:
        return gateway.call("told", token, "comment", {"repository": "web", "text": "first"})
    except OSError:
        return None


def ready_of(gateway):
    try:
        return gateway.send("", None, method="GET", path="/readyz")
    except OSError:
        return None
