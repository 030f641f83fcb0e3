"""Dialling tool servers by address: what was looked at is what is dialled, whatever its name means a moment later."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import os
import re
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from aiohappyeyeballs import AddrInfoType, start_connection

from leasehold.gateway.upstreams import UpstreamFailed
from leasehold.model.connections import ClientCertificate

CONNECT_SECONDS = 5.0
_NEXT_ADDRESS_SECONDS = 0.25  # RFC 8305 §8
_CERTIFICATES_KEPT = 64
# Unicast that is routed at all (RFC 4291 §2.4); in what is not there are loopback, IPv4 and site-local in other words.
_UNICAST = ipaddress.IPv6Network("2000::/3")
# An IPv6 address that carries an IPv4 one inside leads wherever that one leads.
_TRANSLATED = tuple(ipaddress.ip_network(n) for n in ("64:ff9b:1::/48", "2002::/16", "2001::/32"))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052 §2.1: clusters of IPv6 alone reach all others through it
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?\.?|[0-9a-f:.]+")
_PORTS: Final = {"http": 80, "https": 443}


class Peer(NamedTuple):
    """Whom a connection is to. `within`: a host of the network around us; `certificate`: the digest of ours, or empty.

    Two requests share a connection only if all of it is the same.
    """

    host: str
    port: int
    secure: bool
    within: bool
    certificate: bytes


class Target(NamedTuple):
    """Where requests to a URL go: the peer, and the first lines of their heads, which name it."""

    peer: Peer
    path: str
    authority: str


def target_of(url: str, private: frozenset[str]) -> Target:
    """The target of a URL. Raises `UpstreamFailed` for plain http to anybody but `private` hosts, and `ValueError`."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    within = host in private
    if parts.scheme != "https" and (parts.scheme != "http" or not within):
        raise UpstreamFailed("plain_http_refused")
    if parts.username is not None or _HOST.fullmatch(host) is None:
        raise ValueError("a URL without a host that has one reading, or with a user")
    port, usual = parts.port or _PORTS[parts.scheme], _PORTS[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not (path.isascii() and path.isprintable()) or " " in path:
        raise ValueError("a URL that is none as it is written")
    return Target(
        Peer(host, port, parts.scheme == "https", within, b""), path, shown if port == usual else f"{shown}:{port}"
    )


class Names:
    """Looks names up: each once at a time, so that a name server which is slow holds up nobody but its own names."""

    def __init__(self) -> None:
        self._asked: dict[tuple[str, int], asyncio.Task[Sequence[AddrInfoType]]] = {}

    async def addresses(self, host: str, port: int) -> Sequence[AddrInfoType]:
        """What the name means now. Raises `OSError`, `ValueError`."""
        asked = self._asked.get((host, port))
        if asked is None:
            asked = self._asked[host, port] = asyncio.get_running_loop().create_task(_looked_up(host, port))
            asked.add_done_callback(lambda _: self._asked.pop((host, port)))
        return await asyncio.shield(asked)


async def _looked_up(host: str, port: int) -> Sequence[AddrInfoType]:
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


async def dial(peer: Peer, names: Names) -> socket.socket:
    """A socket that is connected. Raises `UpstreamFailed`, `TimeoutError`, `OSError`, `ValueError`."""
    async with asyncio.timeout(CONNECT_SECONDS):
        found = await names.addresses(peer.host, peer.port)
        allowed = [one for one in found if _is_allowed(one, peer)]
        if not allowed:
            raise UpstreamFailed("address_refused")
        return await start_connection(
            allowed, happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS, interleave=1, socket_factory=_socket
        )


def _is_allowed(found: AddrInfoType, peer: Peer) -> bool:
    """Whether this address may be dialled for that name."""
    address = ipaddress.ip_address(str(found[4][0]).partition("%")[0])
    effective = _carried(address) or address
    if effective.is_multicast or effective.is_unspecified or any(effective in n for n in _TRANSLATED):
        return False
    if peer.within:  # no name of a host leads to what clouds tell their machines, unless it is that very address
        return not effective.is_link_local or peer.host == str(address)
    return effective.is_global and (effective.version == 4 or effective in _UNICAST)  # noqa: PLR2004


def _carried(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that is dialled by this one."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    return ipaddress.IPv4Address(address.packed[-4:]) if address in _NAT64 else address.ipv4_mapped


def _socket(found: AddrInfoType) -> socket.socket:
    family, kind, proto, _, _ = found
    made = socket.socket(family=family, type=kind, proto=proto)
    with suppress(OSError):
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


class Trust:
    """Whose certificates are taken, and with which of ours. `authorities` (PEM) replace those of the system."""

    def __init__(self, authorities: str | None = None) -> None:
        self._authorities = authorities
        self._without: ssl.SSLContext | None = None
        self._with: dict[bytes, ssl.SSLContext] = {}

    def context(self, certificate: ClientCertificate | None) -> ssl.SSLContext:
        """The context of a connection. Raises `UpstreamFailed`."""
        if certificate is None:
            if self._without is None:  # reading the authorities takes longer than most requests
                self._without = _context(self._authorities)
            return self._without
        key = digest_of(certificate)
        found = self._with.get(key)
        if found is None:
            if len(self._with) >= _CERTIFICATES_KEPT:
                self._with.clear()
            found = _context(self._authorities)
            _show(found, certificate)
            self._with[key] = found
        return found


def digest_of(certificate: ClientCertificate) -> bytes:
    """What tells one client certificate and key from another."""
    return hashlib.sha256(f"{certificate.certificate}\n{certificate.key}".encode()).digest()


def _context(authorities: str | None) -> ssl.SSLContext:
    """Certificates and names are checked, TLS is 1.2 at least, and no protocol but ours is agreed on."""
    context = ssl.create_default_context(cadata=authorities)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _show(context: ssl.SSLContext, certificate: ClientCertificate) -> None:
    """Have it shown. OpenSSL reads files alone: this one is in memory, and nobody else's. Raises `UpstreamFailed`."""
    descriptor = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, f"{certificate.certificate}\n{certificate.key}\n".encode())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    except (ssl.SSLError, OSError):
        raise UpstreamFailed("client_certificate_refused") from None
    finally:
        os.close(descriptor)
