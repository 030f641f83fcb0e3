"""Bytes to and from one peer, in the clear or through TLS that verifies who the peer is."""

# ruff: noqa: PTH108, SIM105 -- pathlib and contextlib cost time that Terraform waits for

from __future__ import annotations

import os
from threading import Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from socket import socket

    from .certificate import Certificate

_CHUNK = 1 << 18


class PlainChannel:
    """A socket as it is: only ever used in a debug run."""

    def __init__(self, sock: socket) -> None:
        self._sock = sock

    def start(self) -> None:
        """Nothing to agree on: be ready to wait for as long as it takes."""
        self._sock.settimeout(None)

    def receive(self) -> bytes:
        """Wait for bytes; nothing means the peer hung up."""
        return self._sock.recv(_CHUNK)

    def send(self, plain: bytes) -> None:
        """Write all bytes."""
        self._sock.sendall(plain)

    def close(self) -> None:
        """Hang up, waking a thread that waits in `receive`."""
        hang_up(self._sock)


class TlsChannel:
    """TLS over memory buffers: one thread receives while others send.

    INVARIANT: the SSL object is only touched under `_lock` (OpenSSL's are not thread-safe); the socket is read without
    it, so that waiting for the peer keeps nobody from sending. Callers send one at a time.
    """

    def __init__(self, sock: socket, context: ssl.SSLContext) -> None:
        import ssl  # noqa: PLC0415 -- 16 ms that the handshake line must not wait for

        self._sock = sock
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._want_read = ssl.SSLWantReadError
        self._lock = Lock()

    def start(self) -> None:
        """Shake hands. Raises OSError (ssl.SSLError is one) if the peer does not prove who it is."""
        while True:
            try:
                self._tls.do_handshake()
            except self._want_read:
                self._send_outgoing()
                self._feed(self._sock.recv(_CHUNK))
            except OSError:
                self._send_outgoing()  # the alert that tells the peer why
                raise
            else:
                self._send_outgoing()
                self._sock.settimeout(None)
                return

    def receive(self) -> bytes:
        """Wait for decrypted bytes; nothing means the peer hung up. Raises OSError."""
        while True:
            with self._lock:
                plain = self._decrypted()
            if plain is not None:
                return plain
            sealed = self._sock.recv(_CHUNK)
            if not sealed:
                return b""
            with self._lock:
                self._incoming.write(sealed)

    def send(self, plain: bytes) -> None:
        """Encrypt and write all bytes."""
        with self._lock:
            self._tls.write(plain)
            sealed = self._outgoing.read()
        self._sock.sendall(sealed)

    def close(self) -> None:
        """Hang up, waking a thread that waits in `receive`."""
        hang_up(self._sock)

    def _decrypted(self) -> bytes | None:
        pieces: list[bytes] = []
        try:
            while True:
                piece = self._tls.read(_CHUNK)
                if not piece:  # close_notify
                    return b"".join(pieces)
                pieces.append(piece)
        except self._want_read:
            return b"".join(pieces) or None

    def _send_outgoing(self) -> None:
        sealed = self._outgoing.read()
        if sealed:
            self._sock.sendall(sealed)

    def _feed(self, sealed: bytes) -> None:
        if not sealed:
            raise ConnectionError("peer hung up during the TLS handshake")
        self._incoming.write(sealed)


def hang_up(sock: socket) -> None:
    """Shut a socket down for every thread that waits on it, and close it."""
    try:
        sock.shutdown(2)
    except OSError:
        pass  # it was not connected any more
    sock.close()


def mutual_tls(own: Certificate, client_certificate: str) -> Callable[[socket], TlsChannel]:
    """Return how to talk TLS to the holder of exactly this client certificate, and to nobody else."""
    import ssl  # noqa: PLC0415 -- see TlsChannel

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_own(context, own)
    context.verify_mode = ssl.CERT_REQUIRED
    # Terraform's own self-signed certificate is the only trust root, so nobody else can present an accepted one.
    context.load_verify_locations(cadata=client_certificate)
    context.set_alpn_protocols(["h2"])
    return lambda sock: TlsChannel(sock, context)


def _load_own(context: ssl.SSLContext, own: Certificate) -> None:
    """Give OpenSSL the key; it only takes a file, so on Linux a file that exists in memory alone."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("certificate")
        path = f"/proc/self/fd/{descriptor}"
    else:
        from tempfile import mkstemp  # noqa: PLC0415 -- only where there is no memfd

        descriptor, path = mkstemp()  # mode 0600
    try:
        os.write(descriptor, own.pem)
        context.load_cert_chain(path)
    finally:
        os.close(descriptor)
        if not path.startswith("/proc/"):
            os.unlink(path)
