"""Counters in a registry of their own, and a listener of their own to read them at.

INVARIANT: nothing is registered in prometheus_client's global registry, and nothing is told of the process but what
stands here.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

PATH = "/metrics"
_REQUEST_SECONDS = 10
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class CannotListen(OSError):
    """The address is taken, or none of ours."""


class PrometheusMeter:
    """Counts of one process. Every method is safe from any thread and raises nothing."""

    def __init__(self, staleness: Callable[[], float]) -> None:
        """`staleness` tells for how many seconds nothing was heard of revocations; infinite before the first word."""
        self.registry = CollectorRegistry(auto_describe=False)
        self._calls = Counter(
            "leasehold_gateway_calls", "Requests over MCP that are owed an answer, by what came of them.",
            ("tool_server", "method", "outcome"), registry=self.registry,
        )  # fmt: skip
        self._refusals = Counter(
            "leasehold_gateway_refusals", "HTTP requests that the gateway refused, for whatever reason.",
            ("reason",), registry=self.registry,
        )  # fmt: skip
        self._findings = Counter(
            "leasehold_gateway_scan_findings", "What the content scan found, by kind.",
            ("tool_server", "direction", "kind"), registry=self.registry,
        )  # fmt: skip
        self._waits = Histogram(
            "leasehold_gateway_upstream_seconds", "From sending a request to a tool server to the head of its answer.",
            ("tool_server", "answered"), registry=self.registry, buckets=_SECONDS,
        )  # fmt: skip
        stale = Gauge(
            "leasehold_gateway_feed_staleness_seconds", "For how long nothing has been heard of revocations.",
            registry=self.registry,
        )  # fmt: skip
        stale.set_function(staleness)

    def called(self, server: str, method: str, outcome: str) -> None:
        """One more request, and what came of it."""
        self._calls.labels(server, method, outcome).inc()

    def refused(self, reason: str) -> None:
        """One more HTTP request that was refused."""
        self._refusals.labels(reason).inc()

    def found(self, server: str, direction: str, kind: str, count: int) -> None:
        """So many findings more."""
        self._findings.labels(server, direction, kind).inc(count)

    def waited(self, server: str, answered: str, seconds: float) -> None:
        """One more request to a tool server, and how long its answer took to begin."""
        self._waits.labels(server, answered).observe(seconds)


class MetricsListener:
    """Serves `GET /metrics` at an address of its own until closed. It asks nobody who they are: keep it inside."""

    def __init__(self, meter: PrometheusMeter, host: str, port: int) -> None:
        """Listen. Port 0 takes a free one. Raises `CannotListen`."""
        app = _at_its_path(make_wsgi_app(meter.registry))
        self._server = _listening(app, host, port)
        self.port: int = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, name="leasehold-metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Silent(WSGIRequestHandler):
    timeout = _REQUEST_SECONDS

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Who reads is nobody's news."""


def _listening(app: WSGIApplication, host: str, port: int) -> WSGIServer:
    try:
        return make_server(host, port, app, _Server6 if ":" in host else _Server, _Silent)
    except OSError as error:
        raise CannotListen(f"metrics cannot be served on {host}:{port}") from error


def _at_its_path(app: WSGIApplication) -> WSGIApplication:
    """The library answers at any path; we at one."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != PATH:
            start_response("404 Not Found", [])
            return [b""]
        return app(environ, start_response)

    return answer
