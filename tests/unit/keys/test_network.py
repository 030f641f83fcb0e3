"""Fetching an issuer's documents without becoming a way into the network around us."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from leasehold.keys import network
from leasehold.keys.network import MAX_BODY_BYTES, FetchRefused, Network

URL = "https://login.example/jwks"
PUBLIC = "203.0.114.10"


def fetch(respond, url=URL, *addresses, allow_private=False, resolve=None):
    async def answer(_host, _port):
        return addresses or (PUBLIC,)

    fetcher = Network(transport=httpx.MockTransport(respond), resolve=resolve or answer)
    return asyncio.run(fetcher.get(url, allow_private=allow_private))


def answered(body=b"{}", **options):
    async def stream() -> AsyncIterator[bytes]:
        yield body

    return httpx.Response(200, content=stream(), **options)


def fine(_request):
    return answered()


def never(_request):
    raise AssertionError("no connection may be made")


def test_the_connection_goes_to_the_address_that_was_checked():
    seen = []

    def respond(request):
        seen.append(request)
        return answered(b"body")

    assert fetch(respond, "https://login.example:8443/a/b") == b"body"
    assert str(seen[0].url) == f"https://{PUBLIC}:8443/a/b"
    assert seen[0].headers["host"] == "login.example:8443"
    assert seen[0].extensions["sni_hostname"] == "login.example"
    assert seen[0].headers["accept-encoding"] == "identity"


def test_an_ipv6_address_is_pinned_too():
    seen = []
    fetch(lambda request: seen.append(str(request.url)) or answered(), URL, "2606:4700::1111")

    assert seen == ["https://[2606:4700::1111]/jwks"]


def test_a_name_that_resolves_anew_is_not_asked_again():
    """DNS rebinding: the first answer is public, every later one is not."""
    answers = iter([[PUBLIC], ["127.0.0.1"], ["169.254.169.254"]])

    async def rebind(_host, _port):
        return next(answers)

    seen = []
    fetch(lambda request: seen.append(request.url.host) or answered(), resolve=rebind)
    assert seen == [PUBLIC]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104  an address to refuse
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2001::1",
    ],
)
def test_a_private_address_is_refused_after_resolution(address):
    for addresses in ([address], [PUBLIC, address]):
        with pytest.raises(FetchRefused):
            fetch(never, URL, *addresses)


def test_an_issuer_in_the_cluster_is_reached_where_that_is_allowed():
    assert fetch(fine, URL, "10.1.2.3", allow_private=True) == b"{}"


@pytest.mark.parametrize("address", ["0.0.0.0", "224.0.0.1", "64:ff9b::a9fe:a9fe"])  # noqa: S104  addresses to refuse
def test_an_address_of_no_server_is_refused_even_there(address):
    with pytest.raises(FetchRefused, match="none of a server"):
        fetch(never, URL, address, allow_private=True)


def test_plain_http_is_for_loopback_alone():
    assert fetch(fine, "http://issuer.example/jwks", "127.0.0.1", allow_private=True) == b"{}"
    for address, allowed in ((PUBLIC, True), ("10.0.0.1", True), ("127.0.0.1", False)):
        with pytest.raises(FetchRefused):
            fetch(never, "http://issuer.example/jwks", address, allow_private=allowed)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x.example/",
        "file:///etc/passwd",
        "data:application/json,{}",
        "https://x.example:99999/",
        "https://[::1/",
        "",
    ],
)
def test_cve_2026_48522_another_scheme_or_a_broken_url_is_refused(url):
    with pytest.raises(FetchRefused):
        fetch(never, url)


def test_a_host_without_an_address_is_refused():
    async def nothing(_host, _port):
        return []

    async def failing(_host, _port):
        raise OSError("no such host")

    for resolve in (nothing, failing):
        with pytest.raises(FetchRefused):
            fetch(never, resolve=resolve)


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 308, 400, 404, 500, 503])
def test_anything_but_ok_is_refused_and_a_redirect_is_not_followed(status):
    asked = []

    def respond(request):
        asked.append(request)
        return httpx.Response(status, headers={"location": "http://169.254.169.254/"}, content=b"{}")

    with pytest.raises(FetchRefused, match=f"status {status}"):
        fetch(respond)
    assert len(asked) == 1


def test_a_body_over_the_cap_is_refused_before_it_is_whole():
    sent = []

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 8192 * 4):  # as good as endless, unless nobody stops it
            sent.append(1)
            yield b"x" * 8192

    with pytest.raises(FetchRefused, match="exceeds"):
        fetch(lambda _request: httpx.Response(200, content=endless()))
    assert len(sent) <= MAX_BODY_BYTES // 8192 + 1


def test_a_body_of_exactly_the_cap_is_taken():
    assert len(fetch(lambda _request: answered(b"x" * MAX_BODY_BYTES))) == MAX_BODY_BYTES


def test_a_compressed_body_is_refused():
    bomb = answered(headers={"content-encoding": "gzip"})
    with pytest.raises(FetchRefused, match="compressed"):
        fetch(lambda _request: bomb)


def test_a_server_that_drips_is_cut_off_by_one_deadline(monkeypatch):
    monkeypatch.setattr(network, "DEADLINE_SECONDS", 0.05)

    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.001)

    with pytest.raises(FetchRefused, match="no whole answer"):
        fetch(lambda _request: httpx.Response(200, content=drip()))


def test_a_resolver_that_hangs_is_cut_off_too(monkeypatch):
    monkeypatch.setattr(network, "DEADLINE_SECONDS", 0.05)

    async def hang(_host, _port):
        await asyncio.Event().wait()

    with pytest.raises(FetchRefused, match="no whole answer"):
        fetch(never, resolve=hang)


def test_a_broken_connection_is_refused_without_repeating_what_it_said():
    def broken(_request):
        raise httpx.ConnectError("secret detail")

    with pytest.raises(FetchRefused, match="ConnectError") as refused:
        fetch(broken)
    assert "secret" not in str(refused.value)


def test_the_systems_authorities_are_trusted():
    assert network._system_trust().check_hostname


def test_the_authorities_are_read_once():
    fetcher = Network(transport=httpx.MockTransport(fine), resolve=_public)

    async def twice():
        for _ in range(2):
            await fetcher.get(URL, allow_private=False)
        return fetcher._trust

    assert asyncio.run(twice()) is fetcher._trust


async def _public(_host, _port):
    return (PUBLIC,)


def test_names_are_resolved_by_the_event_loop():
    async def resolve():
        loop = asyncio.get_running_loop()
        asked = []

        async def getaddrinfo(host, port, *, type):  # noqa: A002  the event loop's name
            asked.append((host, port, type))
            return [(0, 0, 0, "", ("198.51.100.7", port)), (0, 0, 0, "", ("2606:4700::1111", port, 0, 0))]

        loop.getaddrinfo = getaddrinfo
        return asked, await network._resolve("login.example", 443)

    asked, found = asyncio.run(resolve())
    assert found == ["198.51.100.7", "2606:4700::1111"]
    assert asked == [("login.example", 443, socket.SOCK_STREAM)]
