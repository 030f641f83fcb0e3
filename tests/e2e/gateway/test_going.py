"""A server that is told to stop: what is under way ends well, nothing new begins, and nobody is kept waiting."""

import asyncio
import http.client
import itertools
import json
import os
import signal
import threading
import time
from collections import Counter

import pytest
from aiohttp import web
from tests.e2e.gateway.conftest import Gateway
from tests.fakes.mcp_upstream import echoing, result_of, text_result, told_upstream
from tests.fakes.registry_http import LiveRegistry


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    registry = LiveRegistry(tmp_path_factory.mktemp("going"))
    registry.environment |= {"LEASEHOLD_PRIVATE_UPSTREAMS": "127.0.0.1", "LEASEHOLD_DRAIN_SECONDS": "3"}
    try:
        registry.furnish()
        with told_upstream() as upstream:
            gateway = Gateway(registry)
            gateway.declare("told", upstream.url)
            gateway.agent("worker", ("told", ["comment"], ["repo:web"]))
            yield gateway, upstream
    finally:
        registry.close()


@pytest.fixture
def going(served):
    """The same server, started again where a test before ended it."""
    gateway, upstream = served
    if gateway.registry._process.poll() is not None:
        gateway.registry.kill()
        gateway.registry.start()
    upstream.answer = echoing
    return served


def test_a_server_that_stops_finishes_calls_and_takes_no_new_ones(going):
    gateway, upstream = going
    token = gateway.token("worker", "told")
    gateway.until(lambda: gateway.call("told", token, "comment", {"repository": "web"}), lambda r: r.status == 200)
    ready = gateway.send("", None, method="GET", path="/readyz")
    assert (ready.status, ready.json) == (200, {"ready": True, "reason": ""})
    reached, gate, replies = threading.Event(), threading.Event(), []

    async def answer(_request, body):
        reached.set()
        await asyncio.to_thread(gate.wait, 15)
        return web.json_response(result_of(body, text_result("done")))

    upstream.answer = answer
    caller = threading.Thread(
        target=lambda: replies.append(gateway.call("told", token, "comment", {"repository": "web"}))
    )
    caller.start()
    assert reached.wait(10)
    process = gateway.registry._process
    os.kill(process.pid, signal.SIGTERM)
    gateway.until(lambda: gateway.send("", None, method="GET", path="/readyz"), lambda r: r.status == 503, seconds=2)
    refused = gateway.call("told", token, "comment", {"repository": "web"})
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    gate.set()
    caller.join(10)
    assert replies[0].status == 200, replies[0].body
    assert process.wait(20) in {0, -signal.SIGTERM}
    assert json.loads(replies[0].body)["result"]["content"][0]["text"] == "done"


class Balancer:
    """Sends calls to the one server there is while it says that it is ready; says what became of each."""

    def __init__(self, gateway, token):
        self._gateway, self._token = gateway, token
        self._ready, self._stopped = threading.Event(), threading.Event()
        self.answered, self.lost, self.turned_away = [], [], 0
        self._threads = [threading.Thread(target=self._look)]
        self._threads += [threading.Thread(target=self._call, args=(number,)) for number in range(4)]
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stopped.set()
        for thread in self._threads:
            thread.join(20)

    def until(self, answered):
        deadline = time.monotonic() + 30
        while len(self.answered) < answered:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def _look(self):
        while not self._stopped.wait(0.02):
            try:
                ready = self._gateway.send("", None, method="GET", path="/readyz").status == 200
            except OSError:
                ready = False
            self._ready.set() if ready else self._ready.clear()

    def _call(self, worker):
        for number in itertools.count():
            name = f"{worker}-{number}"
            while not self._stopped.is_set() and not self._sent(name):
                pass
            if self._stopped.is_set():
                return

    def _sent(self, name):
        """True once there is an answer; a server that is going turns it away, and it is sent again."""
        if not self._ready.wait(0.1):
            return False
        try:
            reply = self._gateway.call("told", self._token, "comment", {"repository": "web", "text": name})
        except (OSError, http.client.HTTPException) as error:
            self.lost.append((name, repr(error)))
            return True
        if reply.status == 503 and reply.headers.get("retry-after"):
            self.turned_away += 1
            return False
        (self.answered if b'"result"' in reply.body else self.lost).append(name)
        return True


def test_no_call_is_lost_or_made_twice_when_a_server_restarts_behind_a_balancer(going):
    gateway, upstream = going
    token = gateway.token("worker", "told")
    gateway.until(lambda: gateway.call("told", token, "comment", {"repository": "web"}), lambda r: r.status == 200)
    upstream.requests.clear()

    async def slowly(request, body):
        await asyncio.sleep(0.05)
        return await echoing(request, body)

    upstream.answer = slowly
    balancer = Balancer(gateway, token)
    try:
        balancer.until(20)
        registry = gateway.registry
        os.kill(registry._process.pid, signal.SIGTERM)
        assert registry._process.wait(20) in {0, -signal.SIGTERM}
        registry.kill()
        before = len(balancer.answered)
        registry.start()
        balancer.until(before + 20)
    finally:
        balancer.stop()
    assert balancer.lost == []
    reached = Counter(json.loads(body)["params"]["arguments"]["text"] for _, _, body in upstream.requests)
    assert set(reached.values()) == {1}
    assert set(balancer.answered) <= set(reached)
