"""Everything that runs between the handshake and the end: provider, methods, workers, leftovers."""

from __future__ import annotations

import os
from threading import Thread

from leasehold_provider.protocol.grpc.workers import Workers
from leasehold_provider.protocol.log import log, log_failure
from leasehold_provider.protocol.service.leftovers import Leftovers
from leasehold_provider.protocol.service.methods import provider_methods
from leasehold_provider.protocol.service.run import Run

from .acceptor import Acceptor
from .lifetime import ORPHAN_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from socket import socket
    from typing import NoReturn

    from leasehold_provider.protocol.provider import Provider

    from .channel import PlainChannel, TlsChannel
    from .lifetime import Lifetime
    from .listener import Listener

_CLOSE_SECONDS = 0.3
"""For the provider's own `close`."""


class Engine:
    """Serves a provider until its lifetime is over, then tidies up and ends the process."""

    def __init__(self, provider: Provider, lifetime: Lifetime) -> None:
        self._provider = provider
        self._lifetime = lifetime
        self._leftovers = Leftovers()
        self._methods = provider_methods(Run(provider), self._leftovers, lifetime.request_end)

    def run(self, listener: Listener, secure: Callable[[socket], PlainChannel | TlsChannel]) -> NoReturn:
        """Serve, tidy up, end the process: threads that still wait for something are not waited for."""
        Acceptor(listener, secure, self._methods, Workers(), self._lifetime).start()
        seconds = self._lifetime.wait()
        listener.remove()
        self.close_leftovers(seconds)
        self._close_provider()
        os._exit(0)

    def close_leftovers(self, seconds: float = ORPHAN_SECONDS) -> None:
        """Close the ephemeral objects that Terraform left open."""
        left = self._leftovers.close_all(seconds)
        if left:
            log("warn", f"{left} ephemeral objects could not be closed in time")

    def _close_provider(self) -> None:
        def close() -> None:
            try:
                self._provider.close()
            except Exception as failure:  # noqa: BLE001 -- the process ends all the same
                log_failure("closing the provider", failure)

        closer = Thread(target=close, daemon=True)
        closer.start()
        closer.join(_CLOSE_SECONDS)
