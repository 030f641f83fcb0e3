"""Token Status List (draft-ietf-oauth-status-list-20): what we publish, and what `leasehold.verify` takes."""

import asyncio
import base64
import gzip
import zlib
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import jwt
import pytest
from tests.conformance.requirements import proves
from tests.fakes.delegation_world import Family
from tests.fakes.exchange_world import ISSUER, TOOLS
from tests.fakes.verifying import Keys

from leasehold.exchange.status_places import StatusPlaces
from leasehold.keys.signing import TokenMint
from leasehold.model.leases import REGISTRY, agent_node, lease_node, owner_node
from leasehold.model.status import STATUS_LIST_SIZE, STATUS_LIST_TYPE, packed_list
from leasehold.verify.access import TokenReader
from leasehold.verify.refusals import Reason, Untrusted
from leasehold.verify.status_lists import StatusLists

JWT_LIST = "application/statuslist+jwt"


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


def place_of(token):
    return claims_of(token)["status"]["status_list"]


def fetch(world, token, headers=None, query=""):
    return world.call("GET", urlsplit(place_of(token)["uri"]).path + query, headers=headers)


def bits_of(status_list):
    """Decoded as the draft's own steps say, by nothing of ours."""
    text = claims_of(status_list)["status_list"]["lst"]
    return zlib.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def status(world, token):
    world.later(seconds=0.3)  # a list is looked at four times a second
    raw, index = bits_of(fetch(world, token).body.decode()), place_of(token)["idx"]
    return raw[index // 8] >> (index % 8) & 1


@proves("tsl-claim")
def test_a_token_names_its_place_and_introspection_tells_it_too(world):
    token = world.get(world.pod_token()).access_token
    place = place_of(token)

    assert place.keys() == {"idx", "uri"}
    assert 0 <= place["idx"] < STATUS_LIST_SIZE
    assert place["uri"].startswith(f"{ISSUER}/status-lists/")
    assert world.introspect(token)["status"] == claims_of(token)["status"]


@proves("tsl-typ", "tsl-sub", "tsl-ttl")
def test_a_list_is_signed_and_says_whose_it_is_and_for_how_long(world):
    token = world.get(world.pod_token()).access_token
    answer = fetch(world, token).body.decode()
    claims, header = claims_of(answer), jwt.get_unverified_header(answer)

    assert (header["typ"], header["alg"]) == ("statuslist+jwt", "ES256")
    published = {one["kid"]: jwt.PyJWK(one) for one in world.call("GET", "/.well-known/jwks.json").json["keys"]}
    jwt.decode(answer, published[header["kid"]], algorithms=["ES256"], options={"verify_exp": False})
    assert claims["sub"] == place_of(token)["uri"]
    assert claims["iat"] == int(world.now.timestamp())
    assert 0 < claims["ttl"] < claims["exp"] - claims["iat"] <= 300
    assert not {"aud", "client_id", "jti"} & claims.keys()


@proves("tsl-bits")
def test_the_bits_are_packed_as_the_examples_of_the_draft_are():
    """§4.1: the first token is the least significant bit of the first byte."""
    text = str(packed_list([0, 3, 8, 131_071])["lst"])
    raw = zlib.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))

    assert (len(raw), raw[0], raw[1], raw[-1]) == (STATUS_LIST_SIZE // 8, 0b1001, 0b1, 0b1000_0000)
    assert "=" not in text


@proves("tsl-final")
@pytest.mark.parametrize("node", [REGISTRY, owner_node("alice"), agent_node("triage"), None])
def test_a_token_that_was_ended_by_any_node_above_it_is_invalid(world, node):
    ended = world.get(world.pod_token())
    assert status(world, ended.access_token) == 0
    world.bump(node or lease_node(ended.lease.id))

    assert status(world, ended.access_token) == 1
    later = world.get(world.pod_token()).access_token
    assert status(world, later) == 0
    assert status(world, ended.access_token) == 1


@proves("tsl-final")
def test_a_revoked_token_is_invalid_and_its_neighbours_are_not(world):
    tokens = [world.get(world.pod_token()).access_token for _ in range(4)]
    world.revoke(tokens[1])

    assert [status(world, token) for token in tokens] == [0, 1, 0, 0]
    assert sum(byte.bit_count() for byte in bits_of(fetch(world, tokens[0]).body.decode())) == 1


@proves("tsl-final")
def test_a_sub_agents_token_is_invalid_with_its_parents(world):
    family = Family(world)
    parent = family.own("triage")
    child = family.spawn(parent, "coder").access_token
    assert (status(world, parent), status(world, child)) == (0, 0)
    world.revoke(parent)

    assert (status(world, parent), status(world, child)) == (1, 1)


@proves("tsl-final")
def test_a_list_is_gone_when_no_token_on_it_lives(world):
    token = world.get(world.pod_token()).access_token
    assert fetch(world, token).status == 200
    world.later(seconds=301)
    assert fetch(world, token).status == 200  # for a verifier whose clock is behind
    world.later(seconds=30)
    assert fetch(world, token).status == 404


@proves("tsl-unlinkable")
def test_a_full_or_old_list_is_left_for_a_new_one(world):
    places, now = StatusPlaces(), world.now
    first = places.take(now)
    taken = {places.take(now).index for _ in range(STATUS_LIST_SIZE // 2 - 1)} | {first.index}
    assert len(taken) == STATUS_LIST_SIZE // 2
    second = places.take(now)
    third = places.take(now + timedelta(hours=1))
    fourth = places.take(now - timedelta(hours=1))  # a clock that was set back

    assert len({first.list, second.list, third.list, fourth.list}) == 4


@proves("tsl-unlinkable")
def test_places_are_no_sequence_and_none_is_given_twice(world):
    places = [place_of(world.get(world.pod_token()).access_token) for _ in range(20)]
    indexes = [place["idx"] for place in places]

    assert len(set(indexes)) == 20
    assert indexes != sorted(indexes)
    assert len({place["uri"] for place in places}) == 1


@proves("tsl-media", "tsl-cors", "tsl-gzip")
def test_a_list_is_served_to_caches_and_browsers(world):
    token = world.get(world.pod_token()).access_token
    plain = fetch(world, token, {"accept": JWT_LIST})

    assert (plain.status, plain.headers["content-type"]) == (200, JWT_LIST)
    assert plain.headers["cache-control"] == "public, max-age=15"
    assert plain.headers["access-control-allow-origin"] == "*"
    zipped = fetch(world, token, {"accept-encoding": "gzip"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == plain.body
    again = fetch(world, token, {"if-none-match": plain.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert fetch(world, token, {"accept": "application/statuslist+cwt"}).status == 406


@proves("tsl-time")
def test_a_list_of_the_past_is_not_to_be_had(world):
    assert fetch(world, world.get(world.pod_token()).access_token, query="?time=1686925000").status == 501


@proves("tsl-media")
@pytest.mark.parametrize("path", ["", "0123456789abcdef", "../../v1/owners", "0123456789ABCDEF", "x" * 4000, "%00"])
def test_a_list_that_is_none_is_not_found(world, path):
    world.get(world.pod_token())
    assert world.call("GET", "/status-lists/" + path).status == 404
    assert world.call("POST", "/status-lists/" + path).status == 405


class Client:
    """A third party, whose requests end in the world's app; `said` answers instead."""

    def __init__(self, world):
        self.world, self.said, self.asked = world, None, []
        keys = Keys(world.signer)
        http = httpx.Client(transport=httpx.MockTransport(self._answer))
        self.reader = TokenReader(ISSUER, TOOLS, keys)
        self.lists = StatusLists(ISSUER, http, keys, wall=self._time, monotonic=self._time)

    def _time(self):
        return self.world.now.timestamp()

    def _answer(self, request):
        self.asked.append(str(request.url))
        if isinstance(self.said, Exception):
            raise self.said
        if self.said is not None:
            return httpx.Response(200, content=self.said)
        reply = self.world.call("GET", request.url.path, headers={"accept": request.headers["accept"]})
        return httpx.Response(reply.status, content=reply.body)

    def refusal(self, token):
        try:
            self.lists.check(self.reader.read(token))
        except Untrusted as untrusted:
            return untrusted.reason
        return None

    def say(self, token, token_type=STATUS_LIST_TYPE, **changes):
        """A list for this token, wrong in one way."""
        now = int(self.world.now.timestamp())
        claims = {
            "sub": place_of(token)["uri"],
            "iat": now,
            "exp": now + 300,
            "ttl": 15,
            "status_list": packed_list([]),
        }
        claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        self.said = asyncio.run(TokenMint(self.world.signer, token_type).sign(claims))


@proves("tsl-final")
def test_a_verifier_without_a_credential_learns_of_an_end_within_the_ttl(world):
    client, token = Client(world), world.get(world.pod_token()).access_token
    assert client.refusal(token) is None
    world.bump(agent_node("triage"))

    assert client.refusal(token) is None  # kept: as old as its ttl allows
    world.later(seconds=15)
    assert client.refusal(token) is Reason.REVOKED
    assert len(client.asked) == 2


@proves("tsl-range")
def test_a_place_beyond_the_list_is_refused(world):
    client, token = Client(world), world.get(world.pod_token()).access_token
    short = base64.urlsafe_b64encode(zlib.compress(b"")).rstrip(b"=").decode()
    client.say(token, status_list={"bits": 1, "lst": short})

    assert client.refusal(token) is Reason.BAD_CLAIM


@proves("tsl-verify-sub")
def test_a_list_of_another_address_or_of_no_list_at_all_is_refused(world):
    token = world.get(world.pod_token()).access_token
    now = int(world.now.timestamp())
    bomb = base64.urlsafe_b64encode(zlib.compress(bytes(1 << 24), 9)).decode().rstrip("=")
    wrong = [
        {"sub": f"{ISSUER}/status-lists/0123456789abcdef"},
        {"sub": None},
        {"token_type": "at+jwt"},
        {"exp": now},
        {"iat": now + 31},
        {"exp": None},
        {"ttl": None},
        {"ttl": -1},
        {"status_list": None},
        {"status_list": {"bits": 3, "lst": packed_list([])["lst"]}},
        {"status_list": {"bits": True, "lst": packed_list([])["lst"]}},
        {"status_list": {"bits": 1, "lst": "!!!"}},
        {"status_list": {"bits": 1, "lst": "AAAA"}},
        {"status_list": {"bits": 1, "lst": bomb}},
    ]
    for changes in wrong:
        client = Client(world)
        client.say(token, **changes)
        assert client.refusal(token) is not None, changes
    control = Client(world)
    control.say(token)
    assert control.refusal(token) is None


@proves("tsl-order")
def test_a_list_is_sought_for_a_verified_token_alone_and_only_at_its_issuer(world):
    client, token = Client(world), world.get(world.pod_token()).access_token
    head, payload, signature = token.split(".")
    with pytest.raises(Untrusted):
        client.reader.read(f"{head}.{payload}.{'B' + signature[1:] if signature[0] != 'B' else 'C' + signature[1:]}")
    claims = claims_of(token)
    for entry in (
        {"status_list": {"idx": 1, "uri": "https://evil.example/status-lists/0123456789abcdef"}},
        {"status_list": {"idx": -1, "uri": claims["status"]["status_list"]["uri"]}},
        {"status_list": {"idx": True, "uri": claims["status"]["status_list"]["uri"]}},
        {"status_list": {}},
        None,
    ):
        forged = asyncio.run(TokenMint(world.signer).sign({**claims, "status": entry}))
        assert client.refusal(forged) is not None
    assert client.asked == []


@proves("tsl-final")
def test_without_a_list_nobody_is_believed(world):
    client, token = Client(world), world.get(world.pod_token()).access_token
    access = client.reader.read(token)
    for said in (httpx.ConnectError("away"), httpx.ReadTimeout("slow"), b"\xff", b"", b"a.b.c", b"x" * (1 << 22)):
        client.said = said
        assert client.refusal(token) in {Reason.NOT_KNOWN_ALIVE, Reason.MALFORMED}
        with pytest.raises(Untrusted):
            client.lists.is_active(token, access)
    client.said = None
    assert client.lists.is_active(token, access)
    world.revoke(token)
    world.later(seconds=15)
    assert not client.lists.is_active(token, access)


@proves("tsl-final")
def test_an_end_in_this_very_process_shows_at_once(world):
    token = world.get(world.pod_token()).access_token
    assert not any(bits_of(fetch(world, token).body.decode()))
    world.revoke(token)
    world.lists.wake()  # as the store does after a commit

    assert any(bits_of(fetch(world, token).body.decode()))


@proves("tsl-media")
def test_more_lists_than_are_kept_are_served_all_the_same(world):
    tokens = []
    for _ in range(70):
        world.exchange._issuing._places = StatusPlaces()
        tokens.append(world.get(world.pod_token()).access_token)
    assert {fetch(world, token).status for token in tokens + tokens} == {200}
    assert len({place_of(token)["uri"] for token in tokens}) == 70
