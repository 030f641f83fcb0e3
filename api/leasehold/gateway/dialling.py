"""Dialling tool servers by address: what was looked at is what is dialled, whatever its name means a moment later."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import os
import socket
import ssl
from contextlib import suppress
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from aiohappyeyeballs import AddrInfoType, start_connection

from leasehold.gateway.upstreams import UpstreamFailed
from leasehold.model.connections import ClientCertificate

CONNECT_SECONDS = 5.0
_NEXT_ADDRESS_SECONDS = 0.25  # RFC 8305 §8
_CERTIFICATES_KEPT = 64
# An IPv6 address that carries an IPv4 one inside leads wherever that one leads.
_TRANSLATED = tuple(ipaddress.ip_network(n) for n in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
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
    if not host or parts.username is not None:
        raise ValueError("a URL without a host, or with a user")
    port, usual = parts.port or _PORTS[parts.scheme], _PORTS[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not (path.isascii() and path.isprintable()) or " " in path:
        raise ValueError("a URL that is none as it is written")
    return Target(
        Peer(host, port, parts.scheme == "https", within, b""), path, shown if port == usual else f"{shown}:{port}"
    )


async def dial(peer: Peer) -> socket.socket:
    """A socket that is connected. Raises `UpstreamFailed`, `TimeoutError`, `OSError`, `ValueError`."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_SECONDS):
        found = await loop.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
        allowed = [one for one in found if _is_allowed(one, peer)]
        if not allowed:
            raise UpstreamFailed("address_refused")
        return await start_connection(
            allowed, happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS, interleave=1, socket_factory=_socket
        )


def _is_allowed(found: AddrInfoType, peer: Peer) -> bool:
    """Whether this address may be dialled for that name."""
    address = ipaddress.ip_address(str(found[4][0]).partition("%")[0])
    inner = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    effective = inner or address
    if effective.is_multicast or effective.is_unspecified or any(effective in n for n in _TRANSLATED):
        return False
    return peer.within or effective.is_global


def _socket(found: AddrInfoType) -> socket.socket:
    family, kind, proto, _, _ = found
    made = socket.socket(family=family, type=kind, proto=proto)
    with suppress(OSError):
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


class Trust:
    """Whose certificates are taken, and with which of ours. `trust` replaces the authorities of the system."""

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        self._trust = trust
        self._with: dict[bytes, ssl.SSLContext] = {}

    def context(self, certificate: ClientCertificate | None) -> ssl.SSLContext:
        """The context of a connection. Raises `UpstreamFailed`."""
        if certificate is None:
            if self._trust is None:  # reading the authorities takes longer than most requests
                self._trust = ssl.create_default_context()
            return self._trust
        key = digest_of(certificate)
        found = self._with.get(key)
        if found is None:
            if len(self._with) >= _CERTIFICATES_KEPT:
                self._with.clear()
            found = self._with[key] = _with_certificate(certificate)
        return found


def digest_of(certificate: ClientCertificate) -> bytes:
    """What tells one client certificate and key from another."""
    return hashlib.sha256(f"{certificate.certificate}\n{certificate.key}".encode()).digest()


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
