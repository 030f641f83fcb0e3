"""One connection: a thread that reads, feeds and flushes until the peer hangs up."""

from __future__ import annotations

from leasehold_provider.protocol.grpc.server import GrpcServer
from leasehold_provider.protocol.http2.errors import ConnectionFault
from leasehold_provider.protocol.http2.inbound import Inbound
from leasehold_provider.protocol.http2.outbound import Outbound
from leasehold_provider.protocol.log import log, log_failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from leasehold_provider.protocol.grpc.server import AnyMethod
    from leasehold_provider.protocol.grpc.workers import Workers

    from .channel import PlainChannel, TlsChannel
    from .lifetime import Lifetime

    Channel = PlainChannel | TlsChannel


class Session:
    """Serves the methods on one channel."""

    def __init__(
        self, channel: Channel, methods: Mapping[bytes, AnyMethod], workers: Workers, lifetime: Lifetime
    ) -> None:
        self._channel = channel
        self._lifetime = lifetime
        self._outbound = Outbound(channel.send)
        self._server = GrpcServer(methods, self._outbound, workers, _report)
        self._inbound = Inbound(self._outbound, self._server)

    def run(self) -> None:
        """Serve until either side hangs up. Raises nothing: a connection's failure ends that connection alone."""
        try:
            self._channel.start()
        except OSError as refusal:
            log("warn", f"refused a connection: {type(refusal).__name__}")
            self._channel.close()
            return
        self._lifetime.connected()
        try:
            self._serve()
        finally:
            self._outbound.close()
            self._channel.close()
            self._lifetime.disconnected()

    def _serve(self) -> None:
        try:
            self._outbound.greet()
            self._outbound.flush()
            self._read_on()
        except ConnectionFault as fault:
            log("warn", f"closing a connection: {fault.reason}")
            self._say_goodbye(fault)
        except OSError:
            pass  # the peer is gone

    def _read_on(self) -> None:
        while True:
            received = self._channel.receive()
            if not received:
                return
            self._inbound.feed(received)
            self._outbound.flush()
            self._lifetime.flushed()

    def _say_goodbye(self, fault: ConnectionFault) -> None:
        try:
            self._outbound.goaway(self._inbound.last_stream, fault.code, fault.reason)
            self._outbound.flush()
        except OSError:
            pass  # it did not wait for that


def _report(failure: BaseException) -> None:
    log_failure("answering a call", failure)
