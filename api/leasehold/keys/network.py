"""One bounded request to an address that was checked after DNS and pinned for the connection.

An issuer's URL is configuration, yet the registry must not become a way into the network around it: no redirects, no
proxies, no compressed bodies, a cap on size and one deadline over everything, however slowly the bytes drip.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

import httpx

MAX_BODY_BYTES = 65_536
DEADLINE_SECONDS = 5.0
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# An IPv6 address that carries an IPv4 one inside leads wherever that one leads.
_TRANSLATED = tuple(ipaddress.ip_network(n) for n in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, body and headers of an answer; the names of headers in lower case."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What to send. `trust` None trusts the authorities of the system; what is sent may be a secret."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    trust: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Get:
    """How to ask, and how much of the answer is read for how long: of a body all bytes, of lines those of one."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    trust: ssl.SSLContext | None = None
    max_bytes: int = MAX_BODY_BYTES
    seconds: float = DEADLINE_SECONDS


class FetchRefused(Exception):
    """The document was not fetched, or not whole. The message names the rule, never the body."""

    def __init__(self, message: str, status: int = 0) -> None:
        self.status = status
        super().__init__(message)


class LineTooLong(FetchRefused):
    """A line exceeds what one may have: the same line would be there the next time."""


class Network:
    """Fetches documents of issuers. `transport` and `resolve` are replaced by tests that open no sockets."""

    def __init__(self, *, transport: httpx.AsyncBaseTransport | None = None, resolve: Resolve | None = None) -> None:
        self._transport = transport
        self._resolve = resolve or _resolve
        self._trust: ssl.SSLContext | None = None

    async def get(self, url: str, *, allow_private: bool) -> bytes:
        """The body behind `url`. Raises `FetchRefused`."""
        return (await self.read(url, Get(), allow_private=allow_private)).body

    async def read(self, url: str, get: Get, *, allow_private: bool) -> Reply:
        """The body behind `url`, as asked. Raises `FetchRefused`, which has the status of any answer but 200."""
        with _refusals(get.seconds):
            async with asyncio.timeout(get.seconds), self._opened(url, get, allow_private=allow_private) as response:
                _check_status(response)
                return Reply(response.status_code, await _whole_body(response, get.max_bytes))

    async def lines(self, url: str, get: Get, *, allow_private: bool) -> AsyncGenerator[bytes]:
        """The lines behind `url` as they come, until the other side has ended. Raises `FetchRefused`."""
        clock = asyncio.get_running_loop().time
        ends_at = clock() + get.seconds
        with _refusals(get.seconds):
            async with self._opened(url, get, allow_private=allow_private) as response:
                _check_status(response)
                buffer, chunks = bytearray(), response.aiter_raw()
                # No timeout spans a `yield`: it would strike whoever reads the lines.
                while (chunk := await asyncio.wait_for(anext(chunks, None), ends_at - clock())) is not None:
                    *whole, rest = bytes(buffer + chunk).split(b"\n") if b"\n" in chunk else (buffer + chunk,)
                    buffer = bytearray(rest)
                    if max(map(len, (buffer, *whole))) > get.max_bytes:
                        raise LineTooLong(f"a line exceeds {get.max_bytes} bytes")
                    for line in whole:
                        yield line

    async def post(self, url: str, post: Post, *, allow_private: bool) -> Reply:
        """What `url` answers to a POST, whatever the status. Raises `FetchRefused`."""
        with _refusals(DEADLINE_SECONDS):
            async with asyncio.timeout(DEADLINE_SECONDS), self._opened(url, post, allow_private=allow_private) as found:
                _check_encoding(found)
                return Reply(found.status_code, await _whole_body(found, MAX_BODY_BYTES), dict(found.headers))

    async def _pinned(self, parts: SplitResult, *, allow_private: bool) -> Address:
        host, port = parts.hostname or "", parts.port or _default_port(parts.scheme)
        addresses = [ipaddress.ip_address(found.partition("%")[0]) for found in await self._resolve(host, port)]
        if not addresses:
            raise FetchRefused("the host has no address")
        for address in addresses:  # all of them: which one is used must not depend on luck
            _check_address(address, scheme=parts.scheme, allow_private=allow_private)
        return addresses[0]

    @asynccontextmanager
    async def _opened(self, url: str, ask: Get | Post, *, allow_private: bool) -> AsyncIterator[httpx.Response]:
        parts = urlsplit(url)
        async with asyncio.timeout(DEADLINE_SECONDS):
            address = await self._pinned(parts, allow_private=allow_private)
        literal = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004  IP versions
        pinned = parts._replace(netloc=f"{literal}:{parts.port or _default_port(parts.scheme)}").geturl()
        headers = {"accept": "application/json", **ask.headers}
        headers |= {"host": parts.netloc, "accept-encoding": "identity"}
        if self._trust is None:  # reading the authorities takes longer than most requests
            self._trust = _system_trust()
        client = httpx.AsyncClient(
            transport=self._transport,
            verify=self._trust if ask.trust is None else ask.trust,
            trust_env=False,  # a proxy would resolve the name again, and undo the pin
            follow_redirects=False,
            timeout=httpx.Timeout(DEADLINE_SECONDS, read=ask.seconds if isinstance(ask, Get) else DEADLINE_SECONDS),
        )
        method, content = ("POST", ask.body) if isinstance(ask, Post) else ("GET", None)
        extensions = {"sni_hostname": parts.hostname}  # also the name that the certificate must carry
        request = client.stream(method, pinned, headers=headers, content=content, extensions=extensions)
        async with client, request as response:
            yield response


@contextmanager
def _refusals(seconds: float) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise FetchRefused(f"no whole answer within {seconds:g} seconds") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise FetchRefused(f"the request failed: {type(error).__name__}") from error


def _check_status(response: httpx.Response) -> None:
    if response.status_code != httpx.codes.OK:
        raise FetchRefused(f"status {response.status_code}", response.status_code)
    _check_encoding(response)


def _check_encoding(response: httpx.Response) -> None:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise FetchRefused("a compressed body was not asked for")


async def _whole_body(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > limit:
            raise FetchRefused(f"the body exceeds {limit} bytes")
    return bytes(body)


def _check_address(address: Address, *, scheme: str, allow_private: bool) -> None:
    inner = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    effective = inner or address
    if scheme == "http" and not (allow_private and effective.is_loopback):
        raise FetchRefused("plain http is for loopback alone, and only with allow_private")
    if scheme not in {"http", "https"}:
        raise FetchRefused("the scheme must be https")
    if effective.is_multicast or effective.is_unspecified or any(effective in n for n in _TRANSLATED):
        raise FetchRefused("the host resolves to an address that is none of a server")
    if not allow_private and not effective.is_global:
        raise FetchRefused("the host resolves to a private address")


def _default_port(scheme: str) -> int:
    return 80 if scheme == "http" else 443


def _system_trust() -> ssl.SSLContext:
    trust = httpx.create_ssl_context()
    trust.load_default_certs()  # SSL_CERT_FILE too: clusters bring their own authority
    return trust


async def _resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]
