"""A server that is told to stop: what is under way ends well, nothing new begins, and nobody is kept waiting."""

import asyncio
import json
import os
import signal
import threading

import pytest
from aiohttp import web
from tests.e2e.gateway.conftest import Gateway
from tests.fakes.mcp_upstream import result_of, text_result, told_upstream
from tests.fakes.registry_http import LiveRegistry


@pytest.fixture
def going(tmp_path):
    registry = LiveRegistry(tmp_path)
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
    process = gateway.registry.process
    os.kill(process.pid, signal.SIGTERM)
    gateway.until(lambda: gateway.send("", None, method="GET", path="/readyz"), lambda r: r.status == 503, seconds=2)
    refused = gateway.call("told", token, "comment", {"repository": "web"})
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    gate.set()
    caller.join(10)
    assert replies[0].status == 200, replies[0].body
    assert process.wait(20) in {0, -signal.SIGTERM}
    assert json.loads(replies[0].body)["result"]["content"][0]["text"] == "done"
