"""Tool servers over HTTP: one pool of connections per process, to addresses that are looked at when they are dialled.

No redirects, no proxies, no cookies, no compressed bodies. INVARIANT: nothing of one caller's request is kept for the
next: a connection is all that two requests share, and it carries no identity of its own, or that of one certificate.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Awaitable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TypeVar

from leasehold.gateway.dialling import Names, Peer, Target, Trust, dial, digest_of, target_of
from leasehold.gateway.http_connections import BrokeOff, HttpConnection, HttpIncoming
from leasehold.gateway.upstreams import Outgoing, UpstreamFailed
from leasehold.model.connections import ClientCertificate

FIRST_BYTE_SECONDS = 60.0
KEPT_SECONDS = 4.0
"""How long an idle connection is kept: uvicorn and Node hang up after 5 s, and what is sent just then is lost."""
_FRESH_SECONDS = 0.2
_IN_USE_PER_PEER, _OPEN = 128, 512
_HANDSHAKE_SECONDS, _SHUTDOWN_SECONDS = 10.0, 2.0
_SWEEP_SECONDS = 5.0
_TARGETS_KEPT = 4096
_NAMES = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]*")  # RFC 9110 §5.6.2
_VISIBLE = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])  # RFC 9110 §5.5: in values, and nothing else
_OURS = frozenset(
    {"", "connection", "content-length", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade"}
)
T = TypeVar("T")


@dataclass(slots=True)
class _Connections:
    """Those to one peer: for how many requests, how many more may be, and the idle ones, the last used at the end."""

    wanted: int = 0
    free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_IN_USE_PER_PEER))
    idle: list[HttpConnection] = field(default_factory=list)

    def last_idle(self, now: float) -> HttpConnection | None:
        """One that can be used at once."""
        while self.idle:
            connection = self.idle.pop()
            idle = now - connection.idle_since
            if connection.is_reusable and idle < KEPT_SECONDS and (idle < _FRESH_SECONDS or connection.is_silent):
                return connection
            connection.close()
        return None


class HttpUpstreams:
    """Sends requests. `private` names hosts in the network around us that may be dialled, by plain http too.

    `authorities` (PEM) replace those of the system. `patience`: seconds from asking to the head of the answer,
    dialling included.
    """

    def __init__(
        self, private: frozenset[str], authorities: str | None = None, patience: float = FIRST_BYTE_SECONDS
    ) -> None:
        self._private, self._trust, self.patience = private, Trust(authorities), patience
        self._names = Names()
        self._targets: dict[str, Target] = {}
        self._peers: dict[Peer, _Connections] = {}
        self._open: set[HttpConnection] = set()
        self._dialling = 0
        self._sweeping: asyncio.TimerHandle | None = None

    def send(self, outgoing: Outgoing) -> Asking:
        """The answer to a request, for as long as the context lasts. Raises `UpstreamFailed`."""
        return Asking(self, outgoing)

    async def hang_up(self) -> None:
        """Hang up everywhere."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for connection in list(self._open):
            connection.close()

    def target(self, url: str) -> Target:
        """Where a URL leads. Raises `UpstreamFailed`."""
        found = self._targets.get(url)
        if found is None:
            if len(self._targets) >= _TARGETS_KEPT:
                self._targets.clear()
            try:
                found = self._targets[url] = target_of(url, self._private)
            except ValueError:
                raise UpstreamFailed("no_http") from None
        return found

    async def take(
        self, peer: Peer, certificate: ClientCertificate | None, until: float, *, anew: bool = False
    ) -> HttpConnection:
        """A connection for one request, dialled if `anew`. Raises `UpstreamFailed`."""
        mine = self._peers.get(peer)
        if mine is None:
            mine = self._peers[peer] = _Connections()
        mine.wanted += 1  # from now on it is not forgotten
        try:
            await (_in_time(mine.free.acquire(), until) if mine.free.locked() else mine.free.acquire())
        except BaseException:
            mine.wanted -= 1
            raise
        try:
            idle = None if anew else mine.last_idle(asyncio.get_running_loop().time())
            return idle or await self._dialled(peer, certificate, until)
        except BaseException:
            self._leave(peer)
            raise

    def leave(self, peer: Peer, connection: HttpConnection) -> None:
        """The request is over: the next one may have the connection, if nothing is left on it."""
        mine = self._leave(peer)
        if not connection.is_reusable:
            connection.close()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        mine.idle.append(connection)
        if self._sweeping is None:
            self._sweeping = loop.call_later(_SWEEP_SECONDS, self._sweep)

    def _leave(self, peer: Peer) -> _Connections:
        mine = self._peers[peer]
        mine.wanted -= 1
        mine.free.release()
        return mine

    async def _dialled(self, peer: Peer, certificate: ClientCertificate | None, until: float) -> HttpConnection:
        self._open = {one for one in self._open if not one.is_closed}
        if len(self._open) + self._dialling >= _OPEN and not self._made_room():
            raise UpstreamFailed("too_many_connections", status=503)
        context = self._trust.context(certificate) if peer.secure else None
        self._dialling += 1
        try:
            connection = await _in_time(_connected(peer, self._names, context), until)
        except ssl.SSLError:
            raise UpstreamFailed("bad_certificate") from None
        except OSError:
            raise UpstreamFailed("not_reached") from None
        except ValueError:  # a name that nothing can have
            raise UpstreamFailed("no_http") from None
        finally:
            self._dialling -= 1
        self._open.add(connection)
        return connection

    def _made_room(self) -> bool:
        """Close an idle connection to somebody; false if there is none."""
        for one in self._peers.values():
            if one.idle:
                one.idle.pop(0).close()
                return True
        return False

    def _sweep(self) -> None:
        """Close what nobody used for a while, and forget whom nobody asks any more."""
        loop = asyncio.get_running_loop()
        for mine in self._peers.values():
            old = [one for one in mine.idle if loop.time() - one.idle_since >= KEPT_SECONDS or one.is_closed]
            mine.idle = [one for one in mine.idle if one not in old]
            for one in old:
                one.close()
        self._peers = {peer: mine for peer, mine in self._peers.items() if mine.wanted or mine.idle}
        self._sweeping = loop.call_later(_SWEEP_SECONDS, self._sweep) if self._peers else None


class Asking:
    """One request, and the connection that it has for as long as the context lasts."""

    __slots__ = ("_connection", "_outgoing", "_peer", "_upstreams")

    def __init__(self, upstreams: HttpUpstreams, outgoing: Outgoing) -> None:
        self._upstreams, self._outgoing = upstreams, outgoing

    async def __aenter__(self) -> HttpIncoming:
        """The head of the answer has come. Raises `UpstreamFailed`."""
        upstreams, outgoing = self._upstreams, self._outgoing
        target, certificate = upstreams.target(outgoing.url), outgoing.certificate
        request = _written(outgoing, target)
        self._peer = target.peer if certificate is None else target.peer._replace(certificate=digest_of(certificate))
        until = asyncio.get_running_loop().time() + upstreams.patience
        try:
            return await self._asked(request, until, anew=False)
        except BrokeOff:
            if not (self._connection.was_used and outgoing.repeatable):
                raise
        return await self._asked(request, until, anew=True)

    async def _asked(self, request: bytes, until: float, *, anew: bool) -> HttpIncoming:
        upstreams, peer = self._upstreams, self._peer
        self._connection = await upstreams.take(peer, self._outgoing.certificate, until, anew=anew)
        try:
            incoming = await self._connection.ask(request, until)
            _check_answer(incoming)
        except BaseException:
            upstreams.leave(peer, self._connection)
            raise
        return incoming

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """A body that nobody read to its end takes its connection with it."""
        self._upstreams.leave(self._peer, self._connection)


async def _connected(peer: Peer, names: Names, context: ssl.SSLContext | None) -> HttpConnection:
    connected = await dial(peer, names)
    loop, name = asyncio.get_running_loop(), peer.host if context is not None else None
    making = loop.create_connection(
        HttpConnection,
        sock=connected,
        ssl=context,
        server_hostname=name,
        ssl_handshake_timeout=_HANDSHAKE_SECONDS if context is not None else None,
        ssl_shutdown_timeout=_SHUTDOWN_SECONDS if context is not None else None,
    )
    # The socket is the event loop's now. Whoever gives up must not close it: by then its number may be another's.
    made = loop.create_task(making)
    try:
        _, connection = await asyncio.shield(made)
    except asyncio.CancelledError:
        made.add_done_callback(_hang_up)
        raise
    return connection


def _hang_up(made: asyncio.Task[tuple[asyncio.Transport, HttpConnection]]) -> None:
    """Nobody wants it any more."""
    if not made.cancelled() and made.exception() is None:
        made.result()[1].close()


async def _in_time(what: Awaitable[T], until: float) -> T:
    try:
        async with asyncio.timeout_at(until):
            return await what
    except TimeoutError:
        raise UpstreamFailed("hangs", status=504) from None


def _written(outgoing: Outgoing, target: Target) -> bytes:
    """The request as bytes. Raises `UpstreamFailed` for headers that could be read as something else."""
    headers, body = outgoing.headers, outgoing.body
    lines = [f"{outgoing.method} {target.path} HTTP/1.1\r\nhost: {target.authority}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body or outgoing.method == "POST":
        lines.append(f"content-length: {len(body)}")
    try:
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    except UnicodeEncodeError:
        raise UpstreamFailed("no_http") from None
    named = _OURS.isdisjoint(headers) and _NAMES.fullmatch("".join(headers))
    if not named or head.translate(None, _VISIBLE) != b"\r\n" * (len(lines) + 2):
        raise UpstreamFailed("no_http")
    return head + body


def _check_answer(incoming: HttpIncoming) -> None:
    if 300 <= incoming.status < 400:  # noqa: PLR2004  RFC 9110 §15.4
        raise UpstreamFailed("redirects")
    if incoming.headers.get("content-encoding", "identity").lower() != "identity":
        raise UpstreamFailed("compressed")
