"""Applications behind a real HTTP server, in a thread of the test process."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import uvicorn

PATIENCE = 60.0
"""Seconds that something may take on a busy machine. Nobody waits so long for what works."""


class Served:
    """An application that answers until it is stopped."""

    def __init__(self, app: Any, *, listener: socket.socket | None = None, **options: Any) -> None:
        self._server = uvicorn.Server(uvicorn.Config(app, **{"log_level": "warning", "lifespan": "on", **options}))
        sockets = None if listener is None else [listener]
        self._thread = threading.Thread(target=self._server.run, args=(sockets,), daemon=True)
        self._thread.start()
        wait_until(lambda: self._server.started or not self._thread.is_alive())
        assert self._server.started, "the server did not start"

    def stop(self, *, at_once: bool = False) -> None:
        """Take no more requests, and end what works; with `at_once` nobody waits for answers that are under way."""
        self._server.should_exit = True
        self._server.force_exit = at_once
        self._thread.join(timeout=10)


@contextmanager
def serving(app: Any, **options: Any) -> Iterator[str]:
    """The application on loopback, on a port of its own, as long as the context lasts; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        served = Served(app, listener=listener, **options)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        served.stop(at_once=True)


@contextmanager
def answering(door: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A plain HTTP server on loopback, as long as the context lasts; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), door)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def wait_until(true: Callable[[], bool], seconds: float = PATIENCE) -> float:
    """Wait; for how long it took. Fails when it takes longer than `seconds`."""
    began = time.perf_counter()
    while not true():
        assert time.perf_counter() - began < seconds, "it did not come true"
        time.sleep(0.001)
    return time.perf_counter() - began
