"""OpenTelemetry's own SDK behind our two verbs, with a provider of our own: nothing global is set.

INVARIANT: nobody waits for a collector. Spans go out in a thread, from a queue with an end: what does not fit is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
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
Attributes = Mapping[str, str | int]


class OpenSpan:
    """A span that has begun."""

    def __init__(self, span: Span, state: str) -> None:
        self._span = span
        said = span.get_span_context()
        self.context = TraceContext(f"{said.trace_id:032x}", f"{said.span_id:016x}", f"{said.trace_flags:02x}", state)

    def end(self, attributes: Attributes, error: str) -> None:
        """It is over. `error` is one word of what went wrong, empty where nothing did."""
        self._span.set_attributes(attributes)
        if error:
            self._span.set_attribute("error.type", error)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class OpenTelemetryTracer:
    """Begins spans. Every method is safe from any thread and raises nothing."""

    def __init__(self, processor: SpanProcessor, version: str) -> None:
        named = {"service.name": "leasehold", "service.version": version}
        self._provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
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
        return OpenSpan(span, parent.state if parent is not None else "")


def otlp_tracer(endpoint: str, version: str) -> OpenTelemetryTracer:
    """Spans to a collector at this address, in batches. The SDK's own variables (`OTEL_*`) say the rest."""
    return OpenTelemetryTracer(BatchSpanProcessor(OTLPSpanExporter(endpoint, timeout=_EXPORT_SECONDS)), version)


def _remote(one: TraceContext) -> SpanContext:
    flags = TraceFlags(int(one.flags, 16) & TraceFlags.SAMPLED)
    return SpanContext(int(one.trace, 16), int(one.span, 16), is_remote=True, trace_flags=flags)
