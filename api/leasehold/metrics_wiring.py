"""Wiring of metrics: parts of the gateway that count where metrics are on, and the plain ones where they are not."""

from __future__ import annotations

import time
from collections.abc import Callable

from leasehold.decisions.recording import Recorder
from leasehold.gateway.metering import MeteredRecords, MeteredScans, MeteredUpstreams, refusal_word
from leasehold.gateway.records import Records
from leasehold.gateway.refusals import Refused
from leasehold.gateway.scanning import Scans
from leasehold.gateway.upstreams import Upstreams
from leasehold.metrics.prometheus import MetricsListener, PrometheusMeter
from leasehold.settings import Settings


class Metering:
    """Makes the parts of a gateway. Without a meter they are the plain ones, and nothing is counted."""

    def __init__(self, meter: PrometheusMeter | None = None, listener: MetricsListener | None = None) -> None:
        self._meter, self._listener = meter, listener

    def records(self, recorder: Recorder) -> Records:
        """What remembers calls."""
        return Records(recorder) if self._meter is None else MeteredRecords(recorder, self._meter)

    def scans(self, key: bytes) -> Scans:
        """What scans content."""
        return Scans(key) if self._meter is None else MeteredScans(key, self._meter)

    def upstreams(self, upstreams: Upstreams) -> Upstreams:
        """What sends requests."""
        return upstreams if self._meter is None else MeteredUpstreams(upstreams, self._meter, time.monotonic)

    @property
    def refused(self) -> Callable[[Refused], None] | None:
        """What is told of refusals."""
        meter = self._meter
        return None if meter is None else lambda refused: meter.refused(refusal_word(refused))

    def close(self) -> None:
        """Listen no more."""
        if self._listener is not None:
            self._listener.close()


def metering(settings: Settings, staleness: Callable[[], float]) -> Metering:
    """Metering as the settings have it, listening already. Raises `CannotListen`."""
    if not settings.metrics:
        return Metering()
    meter = PrometheusMeter(staleness)
    return Metering(meter, MetricsListener(meter, settings.metrics_host, settings.metrics_port))
