"""One bounded request to an address that was checked after DNS and pinned for the connection.

An issuer's URL is configuration, yet the registry must not become a way into the network around it: no redirects, no
proxies, no compressed bodies, a cap on size and one deadline over everything, however slowly the bytes drip.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
    """Status and body of an answer."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What to send. `trust` None trusts the authorities of the system; what is sent may be a secret."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    trust: ssl.SSLContext | None = None


class FetchRefused(Exception):
    """The document was not fetched, or not whole. The message names the rule, never the body."""


class Network:
    """Fetches documents of issuers. `transport` and `resolve` are replaced by tests that open no sockets."""

    def __init__(self, *, transport: httpx.AsyncBaseTransport | None = None, resolve: Resolve | None = None) -> None:
        self._transport = transport
        self._resolve = resolve or _resolve
        self._trust: ssl.SSLContext | None = None

    async def get(self, url: str, *, allow_private: bool) -> bytes:
        """The body behind `url`. Raises `FetchRefused`."""
        return (await self._ask(url, None, allow_private=allow_private)).body

    async def post(self, url: str, post: Post, *, allow_private: bool) -> Reply:
        """What `url` answers to a POST, whatever the status. Raises `FetchRefused`."""
        return await self._ask(url, post, allow_private=allow_private)

    async def _ask(self, url: str, post: Post | None, *, allow_private: bool) -> Reply:
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                parts = urlsplit(url)
                address = await self._pinned(parts, allow_private=allow_private)
                return await self._read(parts, address, post)
        except TimeoutError:
            raise FetchRefused(f"no whole answer within {DEADLINE_SECONDS:g} seconds") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise FetchRefused(f"the request failed: {type(error).__name__}") from error

    async def _pinned(self, parts: SplitResult, *, allow_private: bool) -> Address:
        host, port = parts.hostname or "", parts.port or _default_port(parts.scheme)
        addresses = [ipaddress.ip_address(found.partition("%")[0]) for found in await self._resolve(host, port)]
        if not addresses:
            raise FetchRefused("the host has no address")
        for address in addresses:  # all of them: which one is used must not depend on luck
            _check_address(address, scheme=parts.scheme, allow_private=allow_private)
        return addresses[0]

    async def _read(self, parts: SplitResult, address: Address, post: Post | None) -> Reply:
        literal = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004  IP versions
        pinned = parts._replace(netloc=f"{literal}:{parts.port or _default_port(parts.scheme)}").geturl()
        headers = {"accept": "application/json", **(post.headers if post else {})}
        headers |= {"host": parts.netloc, "accept-encoding": "identity"}
        extensions = {"sni_hostname": parts.hostname}  # also the name that the certificate must carry
        if self._trust is None:  # reading the authorities takes longer than most requests
            self._trust = _system_trust()
        client = httpx.AsyncClient(
            transport=self._transport,
            verify=self._trust if post is None or post.trust is None else post.trust,
            trust_env=False,  # a proxy would resolve the name again, and undo the pin
            follow_redirects=False,
            timeout=DEADLINE_SECONDS,
        )
        method, content = ("GET", None) if post is None else ("POST", post.body)
        request = client.stream(method, pinned, headers=headers, content=content, extensions=extensions)
        async with client, request as response:
            if post is None and response.status_code != httpx.codes.OK:
                raise FetchRefused(f"status {response.status_code}")
            _check_answer(response)
            return Reply(response.status_code, await _whole_body(response))


def _check_answer(response: httpx.Response) -> None:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise FetchRefused("a compressed body was not asked for")


async def _whole_body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise FetchRefused(f"the body exceeds {MAX_BODY_BYTES} bytes")
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
