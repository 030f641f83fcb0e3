"""OpenTelemetry's own SDK behind our two verbs, with a provider of our own: nothing global is set.

INVARIANT: nobody waits for a collector. Spans go out in a thread, from a queue with an end: what does not fit is lost.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Histogram, NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from leasehold.model.traces import TraceContext

_EXPORT_SECONDS = 5.0
# Semantic conventions for MCP, "Metrics": names, buckets, and the attributes that divide them.
_DURATIONS = {SpanKind.SERVER: "mcp.server.operation.duration", SpanKind.CLIENT: "mcp.client.operation.duration"}
_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)
_MEASURED = frozenset(
    {
        *("mcp.method.name", "mcp.protocol.version", "gen_ai.operation.name", "gen_ai.tool.name"),
        *("network.protocol.name", "network.transport", "server.address", "leasehold.tool_server"),
    }
)
Attributes = Mapping[str, str | int]


class OpenSpan:
    """A span that has begun. How long it took is measured by the attributes that the conventions have for that."""

    def __init__(self, span: Span, state: str, took: Histogram, about: Attributes) -> None:
        self._span, self._took, self._began = span, took, time.perf_counter()
        self._about = {name: value for name, value in about.items() if name in _MEASURED}
        said = span.get_span_context()
        self.context = TraceContext(f"{said.trace_id:032x}", f"{said.span_id:016x}", f"{said.trace_flags:02x}", state)

    def end(self, attributes: Attributes, error: str) -> None:
        """It is over. `error` is one word of what went wrong, empty where nothing did."""
        self._span.set_attributes(attributes)
        failed = {"error.type": error} if error else {}
        self._took.record(time.perf_counter() - self._began, {**self._about, **failed})
        if error:
            self._span.set_attribute("error.type", error)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class OpenTelemetryTracer:
    """Begins spans. Every method is safe from any thread and raises nothing."""

    def __init__(self, processor: SpanProcessor, version: str, readers: Sequence[MetricReader] = ()) -> None:
        """`readers` take the durations, where anybody wants them."""
        resource = Resource.create({"service.name": "leasehold", "service.version": version})
        self._meters = MeterProvider(readers, resource, shutdown_on_exit=False) if readers else NoOpMeterProvider()
        meter = self._meters.get_meter("leasehold.gateway", version)
        self._took = {
            kind: meter.create_histogram(name, "s", explicit_bucket_boundaries_advisory=_SECONDS)
            for kind, name in _DURATIONS.items()
        }
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("leasehold.gateway", version)

    def serve(
        self, name: str, parent: TraceContext | None, links: Sequence[TraceContext], attributes: Attributes
    ) -> OpenSpan:
        """A span for what somebody asked of us."""
        return self._begin(name, SpanKind.SERVER, parent, links, attributes)

    def call(self, name: str, parent: TraceContext, attributes: Attributes) -> OpenSpan:
        """A span for what we ask of somebody."""
        return self._begin(name, SpanKind.CLIENT, parent, (), attributes)

    def close(self) -> None:
        """Send what is there, and no more after it."""
        self._provider.shutdown()
        if isinstance(self._meters, MeterProvider):
            self._meters.shutdown(_EXPORT_SECONDS * 1000)

    def _begin(
        self,
        name: str,
        kind: SpanKind,
        parent: TraceContext | None,
        links: Sequence[TraceContext],
        attributes: Attributes,
    ) -> OpenSpan:
        above = Context() if parent is None else set_span_in_context(NonRecordingSpan(_remote(parent)), Context())
        linked = [Link(_remote(one)) for one in links]
        span = self._tracer.start_span(name, context=above, kind=kind, attributes=dict(attributes), links=linked)
        return OpenSpan(span, parent.state if parent is not None else "", self._took[kind], attributes)


def otlp_tracer(traces: str, metrics: str, version: str) -> OpenTelemetryTracer:
    """Spans, and durations if `metrics` is not empty, to collectors at these addresses.

    The SDK's own variables (`OTEL_*`) say the rest.
    """
    spans = BatchSpanProcessor(OTLPSpanExporter(traces, timeout=_EXPORT_SECONDS))
    exporter = OTLPMetricExporter(metrics, timeout=_EXPORT_SECONDS) if metrics else None
    return OpenTelemetryTracer(spans, version, [PeriodicExportingMetricReader(exporter)] if exporter else [])


def _remote(one: TraceContext) -> SpanContext:
    flags = TraceFlags(int(one.flags, 16) & TraceFlags.SAMPLED)
    return SpanContext(int(one.trace, 16), int(one.span, 16), is_remote=True, trace_flags=flags)
