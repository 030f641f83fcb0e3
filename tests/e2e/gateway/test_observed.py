"""Metrics and traces of a served registry: none by default; where they are on, a listener and a collector."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from tests.e2e.gateway.conftest import Gateway
from tests.fakes.collector import collecting
from tests.fakes.mcp_upstream import echoing, told_upstream
from tests.fakes.registry_http import LiveRegistry, _free_port


def read(port, path="/metrics"):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return answer.read().decode()


@pytest.fixture(scope="module")
def collector():
    with collecting() as made:
        yield made


@pytest.fixture(scope="module")
def measured(tmp_path_factory, collector):
    registry = LiveRegistry(tmp_path_factory.mktemp("measured"))
    port = _free_port()
    registry.environment |= {
        "LEASEHOLD_PRIVATE_UPSTREAMS": "127.0.0.1", "LEASEHOLD_METRICS": "on", "LEASEHOLD_METRICS_PORT": str(port),
        "LEASEHOLD_TRACES": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50",
        "LEASEHOLD_CALL_LOG": "on",
    }  # fmt: skip
    try:
        registry.furnish()
        yield Gateway(registry), port
    finally:
        registry.close()


def test_calls_of_a_served_gateway_are_read_where_metrics_are_on_and_nowhere_else(measured):
    gateway, port = measured
    with told_upstream() as upstream:
        upstream.answer = echoing
        gateway.declare("told", upstream.url)
        gateway.agent("worker", ("told", ["read_file"], ["repo:web"]))
        token = gateway.token("worker", "told")
        arguments = {"repository": "web", "path": "canary-4d2"}
        gateway.until(lambda: gateway.call("told", token, "read_file", arguments), lambda r: r.status == 200)
    text = read(port)
    assert 'calls_total{method="tools/call",outcome="ok",tool_server="told"} 1.0' in text
    assert 'upstream_seconds_count{answered="yes",tool_server="told"} 1.0' in text
    staleness = next(line for line in text.splitlines() if line.startswith("leasehold_gateway_feed_staleness_seconds"))
    assert 0 <= float(staleness.split()[1]) < 5
    assert "canary-4d2" not in text
    assert token not in text
    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        read(port, "/")
    refused.value.close()
    assert gateway.send(None, None, method="GET", path="/metrics").status in {401, 404}


def test_spans_of_a_served_gateway_reach_a_collector_without_a_value_of_anybodys(measured, collector):
    gateway, _ = measured
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with told_upstream() as upstream:
        upstream.answer = echoing
        gateway.declare("traced", upstream.url)
        gateway.agent("tracer", ("traced", ["read_file"], ["repo:web"]))
        token = gateway.token("tracer", "traced")
        meta = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
        params = {"name": "read_file", "arguments": {"repository": "web", "path": "canary-4d2"}}
        gateway.until(
            lambda: gateway.modern("traced", token, "tools/call", params, meta=meta), lambda r: r.status == 200
        )
        _, headers, _ = upstream.requests[-1]
    deadline = time.monotonic() + 10
    while len(found := [one for one in collector.spans if one.trace_id.hex() == trace][-2:]) < 2:
        assert time.monotonic() < deadline
        collector.came.wait(1)
        collector.came.clear()
    call, serve = found
    assert (serve.parent_span_id.hex(), call.parent_span_id) == ("00f067aa0ba902b7", serve.span_id)
    assert headers["traceparent"] == f"00-{trace}-{call.span_id.hex()}-01"
    assert {event["trace"] for event in gateway.calls("traced")} == {trace}
    logged = (gateway.registry.folder / "serve.log").read_text()
    lines = [json.loads(line) for line in logged.splitlines() if line.startswith('{"')]
    assert ("ok", trace) in {(line.get("outcome"), line.get("trace")) for line in lines}
    told = b"".join((*collector.bodies, logged.encode()))
    assert b"canary-4d2" not in told
    assert token.encode() not in told


def test_by_default_there_are_no_metrics(running):
    reply = running.send(None, None, method="GET", path="/metrics")
    assert reply.status in {401, 404}
    assert b"leasehold_gateway" not in reply.body
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", 8421), timeout=2)


def test_a_server_that_cannot_serve_its_metrics_does_not_start(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment = {
            "LEASEHOLD_DATA_DIR": str(tmp_path), "LEASEHOLD_METRICS": "on",
            "LEASEHOLD_METRICS_PORT": str(taken.getsockname()[1]),
        }  # fmt: skip
        ended = subprocess.run(
            [sys.executable, "-m", "leasehold.cli.main", "serve", "--port", str(_free_port())],
            env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert ended.returncode == 1
    assert "metrics cannot be served" in ended.stderr
