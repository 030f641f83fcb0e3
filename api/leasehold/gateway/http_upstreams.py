"""Tool servers over HTTP: one pool of connections per process, to addresses that are looked at when they are dialled.

No redirects, no proxies, no cookies, no compressed bodies. INVARIANT: nothing of one caller's request is kept for the
next: a connection is all that two requests share, and it carries no identity of its own, or that of one certificate.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import os
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

from leasehold.gateway.upstreams import Outgoing, UpstreamFailed
from leasehold.model.connections import ClientCertificate

CONNECT_SECONDS = 5.0
FIRST_BYTE_SECONDS = 60.0
_CONNECTIONS, _CONNECTIONS_PER_HOST = 512, 128
_READ_BYTES = 1 << 16
_CERTIFICATES_KEPT = 64
# An IPv6 address that carries an IPv4 one inside leads wherever that one leads.
_TRANSLATED = tuple(ipaddress.ip_network(n) for n in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))


class _Refused(OSError):
    """An address that is not to be dialled."""


class HttpIncoming:
    """An answer, as aiohttp has it."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises `UpstreamFailed`."""
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, OSError, ValueError):
            raise UpstreamFailed("died_mid_stream") from None


class HttpUpstreams:
    """Sends requests. `private` names hosts in the network around us that may be dialled, by plain http too."""

    def __init__(self, private: frozenset[str], trust: ssl.SSLContext | None = None) -> None:
        self._private, self._trust = private, trust
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._trusts: dict[bytes, ssl.SSLContext] = {}

    @asynccontextmanager
    async def send(self, outgoing: Outgoing) -> AsyncGenerator[HttpIncoming]:
        """The answer to a request, for as long as the context lasts. Raises `UpstreamFailed`."""
        within = self._check(outgoing.url)
        try:
            async with asyncio.timeout(FIRST_BYTE_SECONDS):
                response = await self._session(within=within).request(
                    outgoing.method,
                    outgoing.url,
                    headers=outgoing.headers,
                    data=outgoing.body or None,
                    allow_redirects=False,
                    ssl=self._context(outgoing.certificate),
                )
        except TimeoutError:
            raise UpstreamFailed("hangs", status=504) from None
        except aiohttp.ClientSSLError:
            raise UpstreamFailed("bad_certificate") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise UpstreamFailed(_why(error)) from None
        try:
            _check_answer(response)
            yield HttpIncoming(response)
        finally:
            if not response.content.at_eof():
                response.close()  # a body that nobody reads to its end takes its connection with it
            response.release()

    async def hang_up(self) -> None:
        """Hang up everywhere."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    def _check(self, url: str) -> bool:
        """Whether the host may be within the network around us. Raises `UpstreamFailed`."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        within = host.lower() in self._private
        if parts.scheme != "https" and not within:
            raise UpstreamFailed("plain_http_refused")
        return within

    def _session(self, *, within: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(within)
        if session is None:
            connector = aiohttp.TCPConnector(
                limit=_CONNECTIONS,
                limit_per_host=_CONNECTIONS_PER_HOST,
                resolver=_Resolver(),
                socket_factory=_socket_anywhere if within else _socket_outside,
                ttl_dns_cache=10,
            )
            session = self._sessions[within] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                auto_decompress=False,
                trust_env=False,  # a proxy would see the credential, and resolve the name again
                read_bufsize=_READ_BYTES,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        return session

    def _context(self, certificate: ClientCertificate | None) -> ssl.SSLContext:
        if certificate is None:
            if self._trust is None:  # reading the authorities takes longer than most requests
                self._trust = ssl.create_default_context()
            return self._trust
        key = hashlib.sha256(f"{certificate.certificate}\n{certificate.key}".encode()).digest()
        found = self._trusts.get(key)
        if found is None:
            if len(self._trusts) >= _CERTIFICATES_KEPT:
                self._trusts.clear()
            found = self._trusts[key] = _with_certificate(certificate)
        return found


class _Resolver(AbstractResolver):
    """The system's, in a thread."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        return [
            aiohttp.abc.ResolveResult(
                hostname=host, host=str(address[0]), port=int(address[1]), family=kind, proto=proto, flags=0
            )
            for kind, _, proto, _, address in found
        ]

    async def close(self) -> None:
        """Nothing is held."""


def _socket_outside(found: aiohttp.AddrInfoType) -> socket.socket:
    """A socket to this address, which is what is dialled, whatever name it was found by and whenever."""
    if not _checked(found).is_global:
        raise _Refused("a private address")
    return _socket(found)


def _socket_anywhere(found: aiohttp.AddrInfoType) -> socket.socket:
    _checked(found)
    return _socket(found)


def _checked(found: aiohttp.AddrInfoType) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(str(found[4][0]).partition("%")[0])
    inner = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    effective = inner or address
    if effective.is_multicast or effective.is_unspecified or any(effective in n for n in _TRANSLATED):
        raise _Refused("an address that is none of a server")
    return effective


def _socket(found: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, proto, _, _ = found
    made = socket.socket(family=family, type=kind, proto=proto)
    with suppress(OSError):
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _with_certificate(certificate: ClientCertificate) -> ssl.SSLContext:
    """A context that shows it. OpenSSL reads files alone: this one is in memory, and nobody else's."""
    context = ssl.create_default_context()
    descriptor = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, f"{certificate.certificate}\n{certificate.key}\n".encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    except (ssl.SSLError, OSError):
        raise UpstreamFailed("client_certificate_refused") from None
    finally:
        os.close(descriptor)
    return context


def _check_answer(response: aiohttp.ClientResponse) -> None:
    if 300 <= response.status < 400:  # noqa: PLR2004  RFC 9110 §15.4
        raise UpstreamFailed("redirects")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise UpstreamFailed("compressed")


def _why(error: Exception) -> str:
    causes: list[BaseException | None] = [error, getattr(error, "os_error", None), error.__cause__]
    if any(isinstance(one, _Refused) for one in causes):
        return "address_refused"
    return "not_reached" if isinstance(error, aiohttp.ClientConnectorError) else "no_http"
