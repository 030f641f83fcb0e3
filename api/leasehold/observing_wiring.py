"""Wiring of what watches the gateway: parts that count, trace and log where that is on, else the plain ones."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from leasehold.decisions.recording import Recorder
from leasehold.gateway.call_log import CallLog
from leasehold.gateway.metering import Counting, MeteredScans, MeteredUpstreams, refusal_word
from leasehold.gateway.records import Records
from leasehold.gateway.scanning import Scans
from leasehold.gateway.tracing import TracedUpstreams, Traces
from leasehold.gateway.upstreams import Upstreams
from leasehold.gateway.witnessing import Witness, WitnessedRecords
from leasehold.mcp.refusals import Refused
from leasehold.metrics.prometheus import MetricsListener, PrometheusMeter
from leasehold.settings import InvalidSetting, Settings

if TYPE_CHECKING:
    from leasehold.tracing.opentelemetry_tracer import OpenTelemetryTracer


@dataclass(frozen=True, slots=True)
class Observing:
    """Makes the parts of a gateway. Without meter, tracer and log they are the plain ones: nothing is observed."""

    meter: PrometheusMeter | None
    listener: MetricsListener | None
    tracer: OpenTelemetryTracer | None
    traces: Traces | None
    log: CallLog | None

    def records(self, recorder: Recorder) -> Records:
        """What remembers calls."""
        witnesses: list[Witness] = [Counting(self.meter)] if self.meter is not None else []
        witnesses += [one for one in (self.traces, self.log) if one is not None]
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
        meter, log = self.meter, self.log
        counted = None if meter is None else lambda refused: meter.refused(refusal_word(refused))
        if log is None or counted is None:
            return counted if log is None else log.refused

        def both(refused: Refused) -> None:
            counted(refused)
            log.refused(refused)

        return both

    def close(self) -> None:
        """Listen no more, and send what is there."""
        if self.listener is not None:
            self.listener.close()
        if self.tracer is not None:
            self.tracer.close()


def observing(settings: Settings, staleness: Callable[[], float], clock: Callable[[], datetime]) -> Observing:
    """As the settings have it, listening already. Raises `CannotListen`, `InvalidSetting`."""
    tracer = _tracer(settings) if settings.traces else None
    meter = PrometheusMeter(staleness) if settings.metrics else None
    listener = None if meter is None else MetricsListener(meter, settings.metrics_host, settings.metrics_port)
    traces = Traces(tracer) if tracer is not None else None
    return Observing(meter, listener, tracer, traces, CallLog(_lines(), clock) if settings.call_log else None)


def _lines() -> Callable[[str], None]:
    """What writes lines to standard error, as they are."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("leasehold.calls")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    return logger.info


def _tracer(settings: Settings) -> OpenTelemetryTracer:
    try:
        from leasehold.tracing.opentelemetry_tracer import otlp_tracer  # noqa: PLC0415  an extra, and slow to import
    except ModuleNotFoundError:
        raise InvalidSetting("LEASEHOLD_TRACES needs the extra: pip install 'leasehold[otel]'") from None
    return otlp_tracer(settings.traces, settings.otlp_metrics, version("leasehold"))
