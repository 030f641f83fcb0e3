"""Accepts connections, one thread each."""

from __future__ import annotations

from threading import Lock, Thread

from leasehold_provider.protocol.log import log

from .session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from socket import socket

    from leasehold_provider.protocol.grpc.server import AnyMethod
    from leasehold_provider.protocol.grpc.workers import Workers

    from .channel import PlainChannel, TlsChannel
    from .lifetime import Lifetime
    from .listener import Listener

MAX_CONNECTIONS = 16
"""Terraform opens one. More only come from elsewhere, and end at the TLS handshake."""
_GREETING_SECONDS = 10.0
"""How long a peer may take to prove who it is."""


class Acceptor:
    """Turns connections into sessions until the listener is closed."""

    def __init__(
        self,
        listener: Listener,
        secure: Callable[[socket], PlainChannel | TlsChannel],
        methods: Mapping[bytes, AnyMethod],
        workers: Workers,
        lifetime: Lifetime,
    ) -> None:
        self._listener = listener
        self._secure = secure
        self._methods = methods
        self._workers = workers
        self._lifetime = lifetime
        self._lock = Lock()
        self._sessions = 0

    def start(self) -> None:
        """Accept in a thread of its own."""
        Thread(target=self._accept_on, daemon=True).start()

    def _accept_on(self) -> None:
        while True:
            try:
                sock, _ = self._listener.socket.accept()
            except OSError:
                return  # closed: the end
            if self._admit():
                Thread(target=self._serve, args=(sock,), daemon=True).start()
            else:
                log("warn", "too many connections")
                sock.close()

    def _admit(self) -> bool:
        with self._lock:
            if self._sessions >= MAX_CONNECTIONS:
                return False
            self._sessions += 1
            return True

    def _serve(self, sock: socket) -> None:
        try:
            sock.settimeout(_GREETING_SECONDS)
            Session(self._secure(sock), self._methods, self._workers, self._lifetime).run()
        finally:
            with self._lock:
                self._sessions -= 1
