"""The worker that looks for missed heartbeats for as long as the server runs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from threading import Event

from leasehold.registry.heartbeats import sweep
from leasehold.registry.ports import Store

SWEEP_EVERY_SECONDS = 0.5
_log = logging.getLogger(__name__)


def sweep_for_ever(store: Store, clock: Callable[[], datetime], stop: Event) -> None:
    """Sweep again and again until `stop`."""
    while not stop.is_set():
        try:
            sweep(store, clock())
        except Exception as error:  # noqa: BLE001  what is overdue stays so; exchanges refuse it meanwhile
            _log.warning("heartbeats were not looked at: %s", type(error).__name__)
        stop.wait(SWEEP_EVERY_SECONDS)
