"""A server that is told to stop: what is under way ends well, nothing new begins, and nobody is kept waiting."""

import asyncio
import copy
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
from mcp_types import SubscriptionsListenResult
from tests.e2e.gateway.conftest import META, Gateway
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


class Listener(threading.Thread):
    """Reads a stream of the gateway to its end, and knows how it ended."""

    def __init__(self, gateway, token, method, body=None, **headers):
        super().__init__()
        self.head, self.text, self.ended = threading.Event(), b"", None
        given = {"Accept": "application/json, text/event-stream", "Authorization": f"Bearer {token}", **headers}
        given |= {"Content-Type": "application/json"} if body else {}
        self._connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
        self._connection.request(method, "/mcp/told", json.dumps(body) if body else None, given)
        self.start()

    def run(self):
        try:
            answer = self._connection.getresponse()
            assert (answer.status, answer.getheader("content-type")) == (200, "text/event-stream")
            while piece := answer.read1():
                self.text += piece
                self.head.set()
            self.ended = "whole" if answer.isclosed() else "cut off"
        except (OSError, http.client.HTTPException) as error:
            self.ended = repr(error)
        finally:
            self._connection.close()

    @property
    def events(self):
        return [json.loads(line[6:]) for line in self.text.decode().split("\n") if line.startswith("data: ")]


LISTEN = {
    "jsonrpc": "2.0",
    "id": "listen-1",
    "method": "subscriptions/listen",
    "params": {"notifications": {"toolsListChanged": True}, "_meta": META},
}
CHANGED = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed", "params": {}}


class Held:
    """A tool server that has streams open until somebody hangs up, and a call under way until it is let go."""

    def __init__(self):
        self.reached, self.gate, self.hung_up = threading.Event(), threading.Event(), threading.Semaphore(0)

    async def answer(self, request, body):
        if body is not None and body["method"] == "tools/call":
            self.reached.set()
            await asyncio.to_thread(self.gate.wait, 15)
            return web.json_response(result_of(body, text_result("done")))
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: " + json.dumps(CHANGED).encode() + b"\n\n")
        try:
            while True:
                await response.write(b": still here\n\n")
                await asyncio.sleep(0.05)
        except (ConnectionError, asyncio.CancelledError):
            self.hung_up.release()
            raise


def test_streams_that_listen_hear_a_clean_end_and_a_call_under_way_its_answer(going):
    gateway, upstream = going
    token, held, replies = gateway.token("worker", "told"), Held(), []
    gateway.until(lambda: gateway.call("told", token, "comment", {"repository": "web"}), lambda r: r.status == 200)
    upstream.answer = held.answer
    modern = {"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"}
    listening = Listener(gateway, token, "POST", LISTEN, **modern)
    getting = Listener(gateway, token, "GET", **{"Mcp-Protocol-Version": "2025-11-25"})
    caller = threading.Thread(
        target=lambda: replies.append(gateway.call("told", token, "comment", {"repository": "web"}))
    )
    caller.start()
    for begun in (listening.head, getting.head, held.reached):
        assert begun.wait(10)
    process = gateway.registry._process
    os.kill(process.pid, signal.SIGTERM)
    for stream in (listening, getting):
        stream.join(5)
        assert stream.ended == "whole"
        assert held.hung_up.acquire(timeout=5)
    assert not replies, "the call is still under way"
    held.gate.set()
    caller.join(10)
    assert json.loads(replies[0].body)["result"]["content"][0]["text"] == "done"
    assert process.wait(20) in {0, -signal.SIGTERM}
    assert getting.events == [CHANGED]
    first, last = listening.events
    assert (first, last["id"]) == (CHANGED, "listen-1")
    assert SubscriptionsListenResult.model_validate(last["result"]).result_type == "complete"
    assert last["result"]["_meta"] == {"io.modelcontextprotocol/subscriptionId": "listen-1"}


def at(gateway, port):
    """The same gateway, at another of its replicas."""
    other = copy.copy(gateway)
    other.port = port
    return other


class Balancer:
    """Sends calls to servers that say that they are ready, in turns; says what became of each."""

    def __init__(self, gateway, token, ports=()):
        self._gateways = [at(gateway, port) for port in ports or (gateway.port,)]
        self._token = token
        self._ready, self._stopped, self._turns = {}, threading.Event(), itertools.count()
        self.answered, self.lost, self.turned_away = [], [], 0
        self._threads = [threading.Thread(target=self._look, args=(one,)) for one in self._gateways]
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

    def _look(self, gateway):
        while not self._stopped.wait(0.02):
            try:
                ready = gateway.send("", None, method="GET", path="/readyz").status == 200
            except OSError:
                ready = False
            self._ready[gateway.port] = ready

    def _call(self, worker):
        for number in itertools.count():
            name = f"{worker}-{number}"
            while not self._stopped.is_set() and not self._sent(name):
                pass
            if self._stopped.is_set():
                return

    def _sent(self, name):
        """True once there is an answer; a server that is going turns it away, and it is sent again."""
        ready = [one for one in self._gateways if self._ready.get(one.port)]
        if not ready:
            return self._stopped.wait(0.05)
        gateway = ready[next(self._turns) % len(ready)]
        try:
            reply = gateway.call("told", self._token, "comment", {"repository": "web", "text": name})
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
