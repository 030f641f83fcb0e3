"""Waiting that ends at once when Terraform asks to stop."""

from __future__ import annotations

from threading import Event


class Stopping:
    """One per process."""

    def __init__(self) -> None:
        self._event = Event()

    def stop(self) -> None:
        """End all waiting, now and later."""
        self._event.set()

    def sleep(self, seconds: float) -> bool:
        """Wait; True if Terraform asked to stop."""
        return self._event.wait(seconds)
