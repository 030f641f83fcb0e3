"""The gRPC service, in an event loop of its own beside the HTTP server's."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import grpc

from leasehold.envoy.authorizing import Authorizing, Verdict
from leasehold.envoy.calls import NoCall, request_of
from leasehold.envoy.messages import OVERWRITE, SERVICE, CheckRequest, CheckResponse

_OK, _PERMISSION_DENIED, _UNAUTHENTICATED = 0, 7, 16  # google.rpc.Code
_UNAUTHORIZED = 401
_MAX_BYTES = 2 << 20
_GRACE_SECONDS = 5.0


class CannotListen(OSError):
    """The address is taken, or none of ours."""


class ExtAuthz:
    """Serves `Check` at an address until closed."""

    def __init__(self, authorizing: Authorizing, address: str) -> None:
        self._authorizing, self._address = authorizing, address
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._error: Exception | None = None
        self.port = 0
        self._thread = threading.Thread(target=self._run, name="leasehold-ext-authz", daemon=True)

    def start(self) -> None:
        """Listen. Raises `CannotListen`."""
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            raise CannotListen(f"ext_authz cannot listen on {self._address}") from self._error

    def close(self) -> None:
        """Finish what is asked, then listen no more."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001  told by `start`
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", _MAX_BYTES), ("grpc.so_reuseport", 0)])
        handler = grpc.unary_unary_rpc_method_handler(
            self._check,
            request_deserializer=CheckRequest.FromString,
            response_serializer=CheckResponse.SerializeToString,
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Check": handler}),))
        self.port = server.add_insecure_port(self._address)
        await server.start()
        self._ready.set()
        await self._stop.wait()
        await server.stop(_GRACE_SECONDS)

    async def _check(self, check: Any, _context: Any) -> Any:  # Any: gRPC has no types
        try:
            request = request_of(check)
        except NoCall as error:
            return response_of(Verdict(allowed=False, status=400, error=-32600, message=str(error)))
        return response_of(await self._authorizing.authorize(request))


def response_of(verdict: Verdict) -> Any:  # Any: a message class made at run time
    """The verdict as Envoy takes it."""
    response = CheckResponse()
    if verdict.allowed:
        response.status.code = _OK
        _add(response.ok_response.headers, verdict.headers)
        return response
    response.status.code = _UNAUTHENTICATED if verdict.status == _UNAUTHORIZED else _PERMISSION_DENIED
    response.denied_response.status.code = verdict.status
    _add(response.denied_response.headers, {**verdict.headers, "content-type": "application/json"})
    known = {"data": {"evaluation_id": verdict.evaluation}} if verdict.evaluation else {}
    error = {"code": verdict.error, "message": verdict.message, **known}
    identifier = verdict.id if isinstance(verdict.id, str | int) else None
    response.denied_response.body = json.dumps({"jsonrpc": "2.0", "id": identifier, "error": error})
    return response


def _add(options: Any, headers: Any) -> None:  # Any: a repeated field of a message made at run time
    for name, value in headers.items():
        option = options.add(append_action=OVERWRITE)
        option.header.key, option.header.value = name, value
