"""Spans for a collector: OpenTelemetry's SDK, and OTLP over HTTP. What a span says is for the gateway to know."""
