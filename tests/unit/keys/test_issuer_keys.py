"""Keys of issuers: fetched once for all, kept, rotated, and never asked for in a flood."""

import asyncio
import json

import pytest
from tests.fakes.exchange_world import signing_key
from tests.fakes.simulated_issuer import SigningKey, SimulatedIssuer

from leasehold.keys.issuer_keys import COOL_DOWN_SECONDS, FRESH_SECONDS, STALE_SECONDS, IssuerKeys
from leasehold.keys.network import FetchRefused
from leasehold.model.tokens import Flaw, TokenRefused
from leasehold.model.trust import IssuerType, TrustIssuer

AUDIENCES = frozenset({"a"})


class Internet:
    """Answers for one issuer, counts what it was asked, and can be unplugged."""

    def __init__(self, issuer: SimulatedIssuer) -> None:
        self.issuer = issuer
        self.asked: list[str] = []
        self.broken = False

    async def get(self, url: str, *, allow_private: bool) -> bytes:
        assert not allow_private
        self.asked.append(url)
        await asyncio.sleep(0)
        if self.broken:
            raise FetchRefused("unplugged")
        status, body = self.issuer.answer(url.removeprefix("https://login.example"))
        if status != 200:
            raise FetchRefused(f"status {status}")
        return body


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer():
    return SimulatedIssuer.oidc(keys=[signing_key("people", "ES256")])


@pytest.fixture
def internet(issuer):
    return Internet(issuer)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def keys(internet, clock):
    return IssuerKeys(internet, clock)


def trusted(**options) -> TrustIssuer:
    base = {"type": IssuerType.OIDC, "issuer": "https://login.example", "audiences": AUDIENCES}
    return TrustIssuer(**{**base, "algorithms": frozenset({"ES256"}), **options})


def find(keys, kid, spec=None):
    return asyncio.run(keys.find(spec or trusted(), kid)).find(kid)


def unavailable(keys, kid="x", spec=None) -> Flaw:
    with pytest.raises(TokenRefused) as refused:
        find(keys, kid, spec)
    return refused.value.flaw


def test_keys_are_discovered_then_kept(keys, internet, issuer):
    for _ in range(5):
        assert find(keys, issuer.keys[0].kid)

    assert internet.asked == [
        "https://login.example/.well-known/openid-configuration",
        "https://login.example/openid/v1/jwks",
    ]


def test_a_jwks_uri_that_is_set_is_asked_directly(keys, internet, issuer):
    assert find(keys, issuer.keys[0].kid, trusted(jwks_uri="https://login.example/openid/v1/jwks"))
    assert internet.asked == ["https://login.example/openid/v1/jwks"]


def test_inline_keys_need_no_network(keys, internet, issuer):
    spec = trusted(jwks=issuer.jwks())
    assert find(keys, issuer.keys[0].kid, spec)
    assert find(keys, issuer.keys[0].kid, spec)
    assert find(keys, "other", spec) is None
    assert unavailable(keys, spec=trusted(jwks="{}")) is Flaw.KEYS_UNAVAILABLE
    assert internet.asked == []


def test_a_rotated_key_is_found_after_the_cool_down(keys, clock, issuer):
    assert find(keys, issuer.keys[0].kid)
    issuer.rotate()
    assert find(keys, issuer.keys[0].kid) is None

    clock.now += COOL_DOWN_SECONDS + 1
    assert find(keys, issuer.keys[0].kid)
    assert find(keys, issuer.keys[1].kid)


def test_a_flood_of_unknown_kids_costs_one_fetch_in_thirty_seconds(keys, internet, clock, issuer):
    assert find(keys, issuer.keys[0].kid)
    asked = len(internet.asked)
    for second in range(300):
        clock.now += 1
        for n in range(10):
            assert find(keys, f"unknown-{second}-{n}") is None

    assert len(internet.asked) - asked <= 2 * 300 / COOL_DOWN_SECONDS
    assert find(keys, issuer.keys[0].kid)


def test_callers_at_once_share_one_fetch(keys, internet, issuer):
    async def all_at_once():
        return await asyncio.gather(*(keys.find(trusted(), issuer.keys[0].kid) for _ in range(50)))

    assert len(asyncio.run(all_at_once())) == 50
    assert len(internet.asked) == 2


def test_a_caller_who_gives_up_does_not_end_the_fetch_of_the_others(keys, issuer):
    async def one_gives_up():
        first = asyncio.create_task(keys.find(trusted(), issuer.keys[0].kid))
        second = asyncio.create_task(keys.find(trusted(), issuer.keys[0].kid))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(one_gives_up()).find(issuer.keys[0].kid)


def test_cve_2026_48524_keys_outlive_an_issuer_that_does_not_answer_but_not_for_ever(keys, internet, clock, issuer):
    kid = issuer.keys[0].kid
    assert find(keys, kid)
    internet.broken = True
    clock.now += FRESH_SECONDS + 1
    assert find(keys, kid)

    clock.now += STALE_SECONDS
    assert unavailable(keys, kid) is Flaw.KEYS_UNAVAILABLE
    internet.broken = False
    clock.now += COOL_DOWN_SECONDS + 1
    assert find(keys, kid)


def test_an_issuer_that_never_answered_is_asked_again_after_the_cool_down(keys, internet, clock, issuer):
    internet.broken = True
    for _ in range(5):
        assert unavailable(keys) is Flaw.KEYS_UNAVAILABLE
    assert len(internet.asked) == 1

    internet.broken = False
    clock.now += COOL_DOWN_SECONDS + 1
    assert find(keys, issuer.keys[0].kid)


@pytest.mark.parametrize("body", [b'{"keys": []}', b"{}", b"", b"<html>", b"[" * 50_000], ids=range(5))
def test_an_empty_or_broken_set_replaces_nothing(keys, clock, issuer, body):
    kid = issuer.keys[0].kid
    assert find(keys, kid)
    issuer.replies["/openid/v1/jwks"] = (200, body)
    clock.now += FRESH_SECONDS + 1

    assert find(keys, kid)


DISCOVERY = "/.well-known/openid-configuration"


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://login.example/", "jwks_uri": "https://login.example/openid/v1/jwks"},
        {"issuer": "https://evil.example", "jwks_uri": "https://login.example/openid/v1/jwks"},
        {"issuer": "https://login.example", "jwks_uri": "https://evil.example/jwks"},
        {"issuer": "https://login.example", "jwks_uri": "http://login.example/jwks"},
        {"issuer": "https://login.example", "jwks_uri": "https://login.example:444/jwks"},
        {"issuer": "https://login.example", "jwks_uri": "https://login.example@evil.example/jwks"},
        {"issuer": "https://login.example", "jwks_uri": "https://[::1/"},
        {"issuer": "https://login.example", "jwks_uri": 1},
        {"issuer": "https://login.example"},
        [],
    ],
)
def test_a_discovery_document_that_points_elsewhere_is_refused(keys, issuer, internet, document):
    issuer.replies[DISCOVERY] = (200, json.dumps(document).encode())

    assert unavailable(keys, issuer.keys[0].kid) is Flaw.KEYS_UNAVAILABLE
    assert len(internet.asked) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 50_000], ids=range(4))
def test_a_discovery_document_that_is_no_json_is_refused(keys, issuer, body):
    issuer.replies[DISCOVERY] = (200, body)

    assert unavailable(keys, issuer.keys[0].kid) is Flaw.KEYS_UNAVAILABLE


def test_an_issuer_that_is_configured_anew_is_fetched_anew(keys, internet, issuer):
    assert find(keys, issuer.keys[0].kid)
    assert find(keys, issuer.keys[0].kid, trusted(max_token_ttl=60))

    assert len(internet.asked) == 4


def test_what_is_kept_of_issuers_is_bounded(keys, issuer):
    jwks = issuer.jwks()
    for n in range(1, 1100):
        asyncio.run(keys.find(trusted(jwks=jwks, max_token_ttl=n), None))

    assert len(keys._entries) < 1100


def test_only_keys_of_the_issuers_algorithms_are_taken(keys):
    jwks = json.dumps({"keys": [SigningKey.new("ES384").jwk()]})

    assert unavailable(keys, spec=trusted(jwks=jwks)) is Flaw.KEYS_UNAVAILABLE
