"""Wiring of what watches the gateway: parts that count and trace where that is on, the plain ones where it is not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from leasehold.decisions.recording import Recorder
from leasehold.gateway.metering import Counting, MeteredScans, MeteredUpstreams, refusal_word
from leasehold.gateway.records import Records
from leasehold.gateway.refusals import Refused
from leasehold.gateway.scanning import Scans
from leasehold.gateway.tracing import TracedUpstreams, Traces
from leasehold.gateway.upstreams import Upstreams
from leasehold.gateway.witnessing import Witness, WitnessedRecords
from leasehold.metrics.prometheus import MetricsListener, PrometheusMeter
from leasehold.settings import InvalidSetting, Settings

if TYPE_CHECKING:
    from leasehold.tracing.opentelemetry_tracer import OpenTelemetryTracer


@dataclass(frozen=True, slots=True)
class Observing:
    """Makes the parts of a gateway. Without meter and tracer they are the plain ones, and nothing is observed."""

    meter: PrometheusMeter | None
    listener: MetricsListener | None
    tracer: OpenTelemetryTracer | None
    traces: Traces | None

    def records(self, recorder: Recorder) -> Records:
        """What remembers calls."""
        witnesses: list[Witness] = [Counting(self.meter)] if self.meter is not None else []
        witnesses += [self.traces] if self.traces is not None else []
        return WitnessedRecords(recorder, witnesses) if witnesses else Records(recorder)

    def scans(self, key: bytes) -> Scans:
        """What scans content."""
        return Scans(key) if self.meter is None else MeteredScans(key, self.meter)

    def upstreams(self, upstreams: Upstreams) -> Upstreams:
        """What sends requests."""
        counted = upstreams if self.meter is None else MeteredUpstreams(upstreams, self.meter, time.monotonic)
        return counted if self.tracer is None else TracedUpstreams(counted, self.tracer)

    @property
    def refused(self) -> Callable[[Refused], None] | None:
        """What is told of refusals."""
        meter = self.meter
        return None if meter is None else lambda refused: meter.refused(refusal_word(refused))

    def close(self) -> None:
        """Listen no more, and send what is there."""
        if self.listener is not None:
            self.listener.close()
        if self.tracer is not None:
            self.tracer.close()


def observing(settings: Settings, staleness: Callable[[], float]) -> Observing:
    """As the settings have it, listening already. Raises `CannotListen`, `InvalidSetting`."""
    tracer = _tracer(settings.traces) if settings.traces else None
    meter = PrometheusMeter(staleness) if settings.metrics else None
    listener = None if meter is None else MetricsListener(meter, settings.metrics_host, settings.metrics_port)
    return Observing(meter, listener, tracer, Traces(tracer) if tracer is not None else None)


def _tracer(endpoint: str) -> OpenTelemetryTracer:
    try:
        from leasehold.tracing.opentelemetry_tracer import otlp_tracer  # noqa: PLC0415  an extra, and slow to import
    except ModuleNotFoundError:
        raise InvalidSetting("LEASEHOLD_TRACES needs the extra: pip install 'leasehold[otel]'") from None
    return otlp_tracer(endpoint, version("leasehold"))
