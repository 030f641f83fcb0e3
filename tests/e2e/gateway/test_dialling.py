"""Names that lead elsewhere than they did: each address is looked at, and only what was looked at is dialled."""

import asyncio
import socket
import threading

import pytest

from leasehold.gateway.dialling import Names, Peer, dial, target_of
from leasehold.gateway.http_upstreams import HttpUpstreams
from leasehold.gateway.upstreams import Outgoing, UpstreamFailed

PUBLIC, OTHER, PUBLIC_6 = "93.184.216.34", "8.8.4.4", "2606:2800:220:1::1"
ANYBODY = Peer("mcp.example", 443, secure=True, within=False, certificate=b"")
INSIDE = Peer("tools.internal", 80, secure=False, within=True, certificate=b"")
PRIVATE = [
    *("127.0.0.1", "127.1.2.3", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1"),  # noqa: S104
    *("169.254.169.254", "192.0.0.170", "198.18.0.1", "192.0.2.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
    # IPv4 inside of IPv6: mapped, compatible, translated (NAT64 of both kinds), 6to4, Teredo
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::10.0.0.1"),
    *("64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::10.0.0.1", "64:ff9b:1::8.8.8.8"),
    *("2002:7f00:1::", "2002:0808:0808::1", "2001::1", "5f00::1"),
]


class Resolving(asyncio.SelectorEventLoop):
    """An event loop at whose seams a test plays the name service and the network: nothing leaves the machine."""

    def __init__(self, *answers, opens=()):
        super().__init__()
        self.answers, self.opens = list(answers), frozenset(opens)
        self.looked_up, self.dialled = [], []

    async def getaddrinfo(self, host, port, *, type=0, **_):  # noqa: A002  asyncio's own name
        self.looked_up.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        families = [socket.AF_INET6 if ":" in one else socket.AF_INET for one in found]
        places = [(one, port, 0, 0) if ":" in one else (one, port) for one in found]
        return [(family, type, 6, "", place) for family, place in zip(families, places, strict=True)]

    async def sock_connect(self, _sock, address):
        self.dialled.append(address[0])
        if address[0] not in self.opens:
            await asyncio.sleep(0.01)
            raise ConnectionRefusedError(address[0])


def dialling(peer, *answers, opens=(), times=1):
    """What comes of dialling, one time after the other; which addresses were dialled, and how often names looked up."""
    loop, names, came = Resolving(*answers, opens=opens), Names(), []

    async def go():
        for _ in range(times):
            try:
                (await dial(peer, names)).close()
                came.append("connected")
            except UpstreamFailed as failed:
                came.append(failed.reason)
            except OSError:
                came.append("not reached")

    try:
        loop.run_until_complete(go())
    finally:
        loop.close()
    return came, loop.dialled, len(loop.looked_up)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_everybodys_is_not_dialled(address):
    assert dialling(ANYBODY, [address]) == (["address_refused"], [], 1)


@pytest.mark.parametrize("address", [PUBLIC, PUBLIC_6, "64:ff9b::8.8.4.4", "::ffff:8.8.4.4"])
def test_a_public_address_is_dialled_as_it_was_found(address):
    assert dialling(ANYBODY, [address], opens=[address]) == (["connected"], [address], 1)


def test_a_name_that_changes_between_two_lookups_is_looked_at_each_time():
    """DNS rebinding: public when it was looked at first, private a moment later."""
    came = dialling(ANYBODY, [PUBLIC], ["127.0.0.1"], [PUBLIC], opens=[PUBLIC, "127.0.0.1"], times=3)
    assert came == (["connected", "address_refused", "connected"], [PUBLIC, PUBLIC], 3)


def test_there_is_no_second_lookup_between_looking_at_an_address_and_dialling_it():
    came, dialled, lookups = dialling(ANYBODY, [PUBLIC], ["127.0.0.1"], opens=[PUBLIC, "127.0.0.1"])
    assert (came, dialled, lookups) == (["connected"], [PUBLIC], 1)


@pytest.mark.parametrize("private", PRIVATE)
def test_of_several_addresses_each_is_looked_at_however_many_fail_first(private):
    """Happy eyeballs tries one after the other: the last resort must not be the one inside."""
    found = [PUBLIC_6, private, PUBLIC, private, OTHER]
    came, dialled, _ = dialling(ANYBODY, found, opens=[private])
    assert (came, set(dialled)) == (["not reached"], {PUBLIC_6, PUBLIC, OTHER})
    came, dialled, _ = dialling(ANYBODY, found, opens=[private, OTHER])
    assert (came, private in dialled) == (["connected"], False)


def test_a_host_that_is_named_as_inside_leads_inside_but_not_to_what_clouds_tell_their_machines():
    assert dialling(INSIDE, ["10.0.0.1"], opens=["10.0.0.1"])[0] == ["connected"]
    assert dialling(INSIDE, ["127.0.0.1"], opens=["127.0.0.1"])[0] == ["connected"]
    for address in ("169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "0.0.0.0", "::", "224.0.0.1"):  # noqa: S104
        assert dialling(INSIDE, [address]) == (["address_refused"], [], 1), address
    named = INSIDE._replace(host="169.254.1.1")
    assert dialling(named, ["169.254.1.1"], opens=["169.254.1.1"])[0] == ["connected"]


@pytest.mark.parametrize("host", ["2130706433", "0177.0.0.1", "0x7f.1", "127.1", "0", "017700000001"])
def test_an_address_in_other_digits_is_what_it_means(host):
    """As the system reads it: what inet_aton takes is an address, whatever it looks like."""
    meant = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)[0][4][0]
    peer = target_of(f"https://{host}/mcp", frozenset()).peer
    assert dialling(peer, [meant]) == (["address_refused"], [], 1)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://a\\b/mcp",
            "https://a b/mcp",
            "https://mcp.éxample/mcp",
            "https://a,b/mcp",
            "https://[fe80::1%25lo]/",
        ),
        *("https://-a/mcp", "https://a..b-/mcp", "https://a'b/mcp", "https://a;b/mcp", "https://a\x00b/mcp"),
    ],
)
def test_a_host_that_has_no_one_reading_is_none(url):
    with pytest.raises(ValueError, match=r".+"):
        target_of(url, frozenset())


def test_a_name_that_nobody_answers_for_holds_up_no_other_name():
    """Look-ups block a thread each: as many as there are would wait for one slow name server."""
    slow, answered = threading.Event(), []

    class Blocking(Resolving):
        async def getaddrinfo(self, host, port, **_):
            if host == "slow.example":
                await self.run_in_executor(None, slow.wait, 20)
            return await self.run_in_executor(None, lambda: [(socket.AF_INET, 1, 6, "", (PUBLIC, port))])

    loop = Blocking([PUBLIC])

    async def ask(upstreams, host):
        try:
            async with upstreams.send(Outgoing(method="POST", url=f"https://{host}/mcp", headers={}, body=b"")):
                pass
        except UpstreamFailed as failed:
            return failed.reason

    async def go():
        upstreams = HttpUpstreams(frozenset())
        waiting = [asyncio.ensure_future(ask(upstreams, "slow.example")) for _ in range(64)]
        await asyncio.sleep(0)
        answered.append(await asyncio.wait_for(ask(upstreams, "mcp.example"), 4))
        slow.set()
        answered.extend(await asyncio.gather(*waiting))

    try:
        loop.run_until_complete(go())
    finally:
        slow.set()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
    assert answered == ["not_reached"] * 65


def test_there_are_never_more_connections_than_may_be_not_even_while_they_are_dialled():
    class Endless(Resolving):
        async def sock_connect(self, _sock, address):
            self.dialled.append(address[0])
            await asyncio.sleep(3600)

    loop = Endless([PUBLIC])

    async def ask(upstreams, number):
        outgoing = Outgoing(method="POST", url=f"https://mcp-{number % 10}.example/mcp", headers={}, body=b"")
        try:
            async with upstreams.send(outgoing):
                pass
        except UpstreamFailed as failed:
            return failed.reason

    async def go():
        upstreams = HttpUpstreams(frozenset(), patience=0.5)
        return await asyncio.gather(*(ask(upstreams, number) for number in range(1000)))

    try:
        reasons = loop.run_until_complete(go())
    finally:
        loop.close()
    assert len(loop.dialled) <= 512
    assert set(reasons) == {"too_many_connections", "hangs"}
