"""Metrics and traces of a served registry: none by default; where they are on, a listener and a collector."""

import json
import socket
import time
import urllib.error
import urllib.request

import pytest
from aiohttp import web
from tests.e2e.gateway.conftest import Gateway
from tests.fakes.collector import collecting
from tests.fakes.leasehold_process import leasehold
from tests.fakes.mcp_upstream import echoing, events, result_of, text_result, told_upstream
from tests.fakes.registry_http import LiveRegistry, _free_port

CANARIES = {store: f"canary-{store}-8c1d0f" for store in ("environment", "file", "leaky", "quiet", "cookie", "header")}


async def reflecting(request, message):
    """Says back all that it was sent, in every way in which a server can fail."""
    said = " ".join(request.headers.values())
    how = message["params"]["arguments"].get("path")
    if how in {"401", "500"}:
        return web.Response(status=int(how), text=said)
    if how == "no json":
        return web.Response(text=said + "}", content_type="application/json")
    if how == "error":
        return web.json_response({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32000, "message": said}})
    answer = result_of(message, text_result(said))
    if how == "stream":
        around = f": {said}\nid: {said}\nevent: {said}\nretry: {said}\nx-{said}: {said}\n"
        noted = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": said}}
        data = f"data: {json.dumps(answer)}\n\n"
        return await events(f": {said}\n\n".encode(), noted, (around + data).encode())(request, message)
    return web.json_response(answer)


def read(port, path="/metrics"):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return answer.read().decode()


@pytest.fixture(scope="module")
def collector():
    with collecting() as made:
        yield made


@pytest.fixture(scope="module")
def measured(tmp_path_factory, collector):
    folder = tmp_path_factory.mktemp("measured")
    registry = LiveRegistry(folder)
    port = _free_port()
    (folder / "secrets").mkdir()
    (folder / "secrets" / "orders").write_text(CANARIES["file"])
    registry.environment |= {
        "LEASEHOLD_PRIVATE_UPSTREAMS": "127.0.0.1", "LEASEHOLD_METRICS": "on", "LEASEHOLD_METRICS_PORT": str(port),
        "LEASEHOLD_TRACES": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50",
        "LEASEHOLD_CALL_LOG": "on", "LEASEHOLD_LOG_LEVEL": "debug",
        "LEASEHOLD_SECRET_ORDERS": CANARIES["environment"], "LEASEHOLD_SECRETS_DIR": str(folder / "secrets"),
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


def test_a_canary_in_every_store_appears_nowhere(measured, collector):
    """Not upstream, in no answer, log, event, metric or span: whether calls succeed, fail, or find no connection."""
    gateway, port = measured
    registry, folder = gateway.registry, gateway.registry.folder
    with told_upstream() as upstream, told_upstream() as other:
        upstream.answer = reflecting
        for name, server in (("leaky", upstream), ("quiet", other)):
            gateway.declare(name, server.url, upstream_auth={"api_key": {"header": "X-Api-Key", "prefix": ""}})
            gateway.agent(f"{name}-agent", (name, ["read_file"], ["repo:web"]))
            made = registry.call("POST", f"/v1/connections/{name}", {"api_key": {"key": CANARIES[name]}})
            promotion = {"agent": f"{name}-agent", "justification": "it reads"}
            registry.call("POST", f"/v1/connections/{made['id']}:promote", promotion)
        token = gateway.token("leaky-agent", "leaky")
        arguments = {"repository": "web"}
        headers = {"cookie": f"session={CANARIES['cookie']}", "x_api_key": CANARIES["header"]}
        replies = [
            gateway.until(
                lambda: gateway.call("leaky", token, "read_file", arguments, **headers), lambda r: r.status == 200
            ),
            *(
                gateway.call("leaky", token, "read_file", {**arguments, "path": how}, **headers)
                for how in ("error", "401", "500", "stream", "no json")
            ),
            gateway.call("leaky", gateway.token("quiet-agent", "quiet"), "read_file", arguments),
        ]
        seen = upstream.everything
    assert CANARIES["leaky"] in seen, "its own credential, and no other"
    recorded = json.dumps(registry.events())
    collector.came.wait(5)
    told = [one.body.decode() + str(one.headers) for one in replies]
    told += [recorded, (folder / "serve.log").read_text(), read(port), b"".join(collector.bodies).decode("latin-1")]
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix in {".key", ".pem", ".json"}]
    kept = {line for path in files for line in path.read_text(errors="replace").split() if len(line) >= 24}
    assert kept, "keys are stores too"
    secrets = {*CANARIES.values(), token, token.split(".")[2], *kept}
    for text in told:
        assert not [one for one in secrets if one in text]
    assert not [one for one in secrets - {CANARIES["leaky"]} if one in seen]


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
        ended = leasehold("serve", "--port", _free_port(), environment=environment)
    assert ended.returncode == 1
    assert "metrics cannot be served" in ended.stderr
