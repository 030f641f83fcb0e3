"""Spans of calls: parents out of `_meta` and headers, closed words for attributes, and context to the tool server."""

import json
from dataclasses import replace

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from tests.fakes.gateway_world import META

from leasehold.gateway.app import GatewayApp
from leasehold.gateway.rates import Rate, RateLimits, Rates
from leasehold.gateway.tracing import TracedUpstreams, Traces
from leasehold.gateway.upstreams import UpstreamFailed
from leasehold.gateway.witnessing import WitnessedRecords
from leasehold.mcp.headers import VERSION
from leasehold.model.traces import trace_context
from leasehold.tracing.opentelemetry_tracer import OpenTelemetryTracer

CANARY = "canary-7b3"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


@pytest.fixture
def spans(world):
    exporter = InMemorySpanExporter()
    tracer = OpenTelemetryTracer(SimpleSpanProcessor(exporter), "1")
    traces = Traces(tracer)
    world.gateway = replace(
        world.gateway,
        records=WitnessedRecords(world.recorder, [traces]),
        upstreams=TracedUpstreams(world.upstream, tracer),
    )
    world.app = GatewayApp(world.gateway, world.app.issuer, traces=traces)
    yield exporter.get_finished_spans
    tracer.close()


def ask(world, arguments, meta=None, **headers):
    params = {"name": "read_file", "arguments": arguments, "_meta": {**META, **(meta or {})}}
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}).encode()
    return body, world.run("/mcp/code", body, {
        "host": "leasehold.example", "content-type": "application/json", "mcp-method": "tools/call",
        "mcp-name": "read_file", VERSION: "2026-07-28", "authorization": f"Bearer {world.token()}", **headers,
    })  # fmt: skip


def events(world):
    """Audit events of calls and decisions, once all are written."""
    world.recorder.close()
    with world.store.read() as unit:
        return [one.event for one in unit.audit.list() if one.event.kind in {"calls", "decisions"}]


def test_a_call_is_a_span_of_the_callers_trace_and_what_goes_out_is_one_below(world, spans):
    body, _ = ask(world, {"repository": "web"}, {"traceparent": TRACEPARENT, "tracestate": "a=1"})
    sent = world.upstream.sent[0]
    call, serve = spans()
    assert (serve.kind, serve.name) == (SpanKind.SERVER, "tools/call read_file")
    assert (call.kind, call.name) == (SpanKind.CLIENT, "tools/call read_file")
    assert f"{serve.parent.span_id:016x}" == PARENT
    assert f"{serve.context.trace_id:032x}" == f"{call.context.trace_id:032x}" == TRACE
    assert call.parent.span_id == serve.context.span_id
    assert dict(serve.attributes) == {
        "mcp.method.name": "tools/call", "mcp.protocol.version": "2026-07-28", "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "read_file", "gen_ai.agent.name": "triage", "jsonrpc.request.id": "7",
        "network.protocol.name": "http", "leasehold.tool_server": "code", "leasehold.outcome": "ok",
    }  # fmt: skip
    assert call.attributes["server.address"] == "code.example"
    below = f"00-{TRACE}-{call.context.span_id:016x}-01"
    assert (sent.headers["traceparent"], sent.headers["tracestate"]) == (below, "a=1")
    assert sent.body == body.replace(TRACEPARENT.encode(), below.encode()), "and nothing else has changed"


def test_a_call_without_a_trace_begins_one_and_its_bytes_stay_as_they_are(world, spans):
    body, _ = ask(world, {"repository": "web"})
    call, serve = spans()
    assert serve.parent is None
    assert world.upstream.sent[0].body == body
    assert trace_context(world.upstream.sent[0].headers["traceparent"]).span == f"{call.context.span_id:016x}"


def test_a_header_is_the_parent_where_meta_says_nothing_and_a_link_where_it_does(world, spans):
    other = f"00-{'a' * 32}-{'b' * 16}-01"
    ask(world, {"repository": "web"}, traceparent=other)
    ask(world, {"repository": "web"}, {"traceparent": TRACEPARENT}, traceparent=other, tracestate="other=1")
    assert "tracestate" not in world.upstream.sent[1].headers, "it belongs to another trace"
    first, second = spans()[1], spans()[3]
    assert f"{first.parent.span_id:016x}" == "b" * 16
    assert f"{second.parent.span_id:016x}" == PARENT
    assert [f"{link.context.span_id:016x}" for link in second.links] == ["b" * 16]


@pytest.mark.parametrize(
    "said",
    ["", "nonsense", f"ff-{TRACE}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01", 7, None],
)
def test_what_is_no_trace_context_is_no_parent_and_goes_on_as_it_came(world, spans, said):
    body, reply = ask(world, {"repository": "web"}, {"traceparent": said})
    assert reply.status == 200
    assert spans()[1].parent is None
    assert world.upstream.sent[0].body == body


@pytest.mark.parametrize("written", [TRACEPARENT, TRACEPARENT.replace("0", "\\u0030", 1)])
def test_arguments_are_never_changed_for_a_trace_that_they_name(world, spans, written):
    """What was decided on is what goes out: also where `_meta` writes the same in other characters."""
    arguments = {"repository": "web", "traceparent": TRACEPARENT}
    params = {"name": "read_file", "arguments": arguments, "_meta": {**META, "traceparent": "@"}}
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}).replace("@", written)
    world.run("/mcp/code", body.encode(), {
        "host": "leasehold.example", "content-type": "application/json", "mcp-method": "tools/call",
        "mcp-name": "read_file", VERSION: "2026-07-28", "authorization": f"Bearer {world.token()}",
    })  # fmt: skip
    assert world.upstream.sent[0].body == body.encode()
    assert f"{spans()[1].parent.span_id:016x}" == PARENT


def test_a_signed_body_stays_as_it_was_signed(world, spans):
    world.broker.answer = replace(world.broker.answer, headers=(("X-Amz-Content-Sha256", "e3b0"),))
    body, _ = ask(world, {"repository": "web"}, {"traceparent": TRACEPARENT})
    assert world.upstream.sent[0].body == body
    assert world.upstream.sent[0].headers["traceparent"] != TRACEPARENT


def test_failures_are_failures_by_name(world, spans):
    token = world.token()
    world.upstream.answer = lambda _message: {"content": [{"type": "text", "text": CANARY}], "isError": True}
    world.call("read_file", token, repository="web")
    world.call("read_file", token, repository="elsewhere")
    world.call(f"tool-{CANARY}", token, repository="web")

    def broken(_message):
        raise UpstreamFailed("hangs", status=504)

    world.upstream.answer = broken
    world.call("read_file", token, repository="web")
    served = [one for one in spans() if one.kind is SpanKind.SERVER]
    assert [one.attributes["error.type"] for one in served] == ["tool_error", "denied", "denied", "failed"]
    assert {one.status.status_code for one in served} == {StatusCode.ERROR}
    assert spans()[-2].attributes["error.type"] == "hangs"


def test_durations_are_measured_by_what_the_conventions_divide_them_by(world):
    reader = InMemoryMetricReader()
    tracer = OpenTelemetryTracer(SimpleSpanProcessor(InMemorySpanExporter()), "1", [reader])
    traces = Traces(tracer)
    upstreams = TracedUpstreams(world.upstream, tracer)
    world.gateway = replace(world.gateway, records=WitnessedRecords(world.recorder, [traces]), upstreams=upstreams)
    world.app = GatewayApp(world.gateway, world.app.issuer, traces=traces)
    ask(world, {"repository": "web"})
    ask(world, {"repository": "elsewhere"})
    (told,) = reader.get_metrics_data().resource_metrics[0].scope_metrics
    found = {one.name: one.data.data_points for one in told.metrics}
    tracer.close()
    assert found.keys() == {"mcp.server.operation.duration", "mcp.client.operation.duration"}
    served = {one.attributes.get("error.type"): one for one in found["mcp.server.operation.duration"]}
    assert {error: one.count for error, one in served.items()} == {None: 1, "denied": 1}
    assert served[None].attributes["gen_ai.tool.name"] == "read_file"
    assert not {"gen_ai.agent.name", "jsonrpc.request.id"} & served[None].attributes.keys()
    assert [one.count for one in found["mcp.client.operation.duration"]] == [1]


def test_what_never_came_to_a_decision_ends_its_span_too(world, spans):
    none = Rate(per_minute=1, burst=0.0)
    world.app = GatewayApp(
        replace(world.gateway, rates=Rates(RateLimits(agent=none))), world.app.issuer, traces=world.app.traces
    )
    assert ask(world, {"repository": "web"})[1].status == 429
    (span,) = spans()
    assert span.attributes["error.type"] == "rate_limited"


def test_no_value_of_a_call_is_in_a_span(world, spans):
    token = world.token()
    world.grant("code", ["mcp.resources.read"], "uri:*")
    world.look()
    world.call("read_file", token, repository="web", path=CANARY)
    world.ask("resources/read", {"uri": f"docs://{CANARY}?token={CANARY}"}, token)
    world.ask("prompts/get", {"name": CANARY}, token)
    world.ask(f"no/{CANARY}", {}, token)
    told = "".join(one.to_json() for one in spans())
    assert len(spans()) >= 5
    assert CANARY not in told
    assert token not in told


@pytest.mark.parametrize("traced", [False, True])
def test_audit_events_tell_the_trace_that_meta_says(world, request, traced):
    if traced:
        request.getfixturevalue("spans")
    ask(world, {"repository": "web"}, {"traceparent": TRACEPARENT}, traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    assert {one.origin.trace for one in events(world)} == {TRACE}


def test_without_tracing_a_callers_header_goes_on_as_it_is(world):
    ask(world, {"repository": "web"}, traceparent=TRACEPARENT, tracestate="a=1")
    assert world.upstream.sent[0].headers["traceparent"] == TRACEPARENT
    assert world.upstream.sent[0].headers["tracestate"] == "a=1"
