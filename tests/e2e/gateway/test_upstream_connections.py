"""What connections to tool servers are made of: TLS that is checked, certificates that nobody else shows, no leaks."""

import asyncio
import os
import ssl
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tests.e2e.gateway.test_http_upstreams import MINE, on_each_loop, read
from tests.fakes.certificates import Authority

from leasehold.gateway.http_upstreams import HttpUpstreams
from leasehold.model.connections import ClientCertificate


class Peer:
    """A server that answers every request the same, and knows by which connection, as whom and with what it came."""

    def __init__(self):
        self.connections, self.shown, self.agreed = 0, [], set()

    async def serve(self, reader, writer):
        self.connections = number = self.connections + 1
        over_tls = writer.get_extra_info("ssl_object")
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"{}")
                if over_tls is not None:
                    self.shown.append((number, over_tls.getpeercert(binary_form=True)))
                    self.agreed.add((over_tls.version(), over_tls.selected_alpn_protocol()))
                writer.write(MINE)
        writer.close()


@asynccontextmanager
async def serving(context=None):
    peer = Peer()
    listening = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=context)
    peer.url = f"{'https' if context else 'http'}://127.0.0.1:{listening.sockets[0].getsockname()[1]}/mcp"
    try:
        yield peer
    finally:
        listening.close()


def asked(test, context=None, authorities=None):
    async def go():
        async with serving(context) as peer:
            upstreams = HttpUpstreams(frozenset({"127.0.0.1"}), authorities)
            try:
                return await test(upstreams, peer)
            finally:
                await upstreams.hang_up()
                await asyncio.sleep(0.05)

    return on_each_loop(go)


async def once(upstreams, peer):
    return await read(upstreams, peer)


def test_a_server_with_a_certificate_of_its_own_address_is_spoken_to_and_in_http_1_alone(tmp_path):
    authority = Authority()
    context = authority.server(tmp_path)
    context.set_alpn_protocols(["h2", "http/1.1"])

    async def test(upstreams, peer):
        first = await read(upstreams, peer)
        await asyncio.sleep(0.5)  # so long that it is asked whether it lives
        return first, await read(upstreams, peer), peer.connections, peer.agreed

    came = asked(test, context, authority.pem)
    assert came == ((200, b"mine"), (200, b"mine"), 1, {("TLSv1.3", "http/1.1")})


@pytest.mark.parametrize("address", ["127.0.0.2", "10.0.0.1"])
def test_a_certificate_of_another_address_is_a_bad_one(tmp_path, address):
    authority = Authority()
    assert asked(once, authority.server(tmp_path, address), authority.pem) == "bad_certificate"


def test_a_certificate_of_an_authority_that_nobody_trusts_is_a_bad_one(tmp_path):
    assert asked(once, Authority().server(tmp_path), Authority().pem) == "bad_certificate"
    assert asked(once, Authority().server(tmp_path)) == "bad_certificate"


def test_a_server_of_an_old_tls_is_not_spoken_to(tmp_path):
    authority = Authority()
    context = authority.server(tmp_path)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    assert asked(once, context, authority.pem) in {"bad_certificate", "not_reached"}


def test_a_client_certificate_is_shown_for_its_own_requests_and_on_connections_of_its_own(tmp_path):
    authority, pairs = Authority(), []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        authority.server(tmp_path / name)
        certificate, begin, key = (tmp_path / name / "server.pem").read_text().partition("-----BEGIN PRIVATE")
        pairs.append(ClientCertificate(certificate=certificate, key=begin + key))
    one, other = pairs
    context = authority.server(tmp_path)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=authority.pem)

    async def test(upstreams, peer):
        for certificate in (None, one, other, one, None, other):
            assert await read(upstreams, peer, certificate=certificate) == (200, b"mine")
        return peer.shown

    shown = asked(test, context, authority.pem)
    der = [ssl.PEM_cert_to_DER_cert(pair.certificate) for pair in pairs]
    assert shown == [(1, None), (2, der[0]), (3, der[1]), (2, der[0]), (1, None), (3, der[1])]


def descriptors():
    return len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))


@pytest.mark.parametrize("secure", [False, True])
def test_a_request_that_is_given_up_at_any_step_leaves_no_connection_and_no_slot_behind(tmp_path, secure):
    authority = Authority()

    async def test(upstreams, peer):
        before, ended = descriptors(), set()
        for steps in range(60):
            asking = asyncio.ensure_future(read(upstreams, peer, url=peer.url))
            for _ in range(steps):
                await asyncio.sleep(0.0005 if secure else 0)
            asking.cancel()
            ended |= {str(one) for one in await asyncio.gather(asking, return_exceptions=True)}
            await upstreams.hang_up()
            await asyncio.sleep(0.005)
        (mine,) = upstreams._peers.values()
        assert (mine.wanted, mine.free._value) == (0, 128)
        for _ in range(100):
            if descriptors() <= before:
                break
            await asyncio.sleep(0.02)
        return descriptors() - before, ended

    left, ended = asked(test, authority.server(tmp_path) if secure else None, authority.pem)
    assert left <= 0
    assert str((200, b"mine")) in ended, "some were given up too late to matter"
    assert "" in ended, "and some in time"
