"""Tokens that are bound to a key at Envoy's door (RFC 9449 §4.3, §7): proved for this very request, and once."""

from dataclasses import replace

import pytest
from tests.fakes.client_keys import ClientKey
from tests.fakes.envoy_door import EXTENSIONS, call, door_on, error, headers_of

from leasehold.keys.nonces import Nonces
from leasehold.model.clients import DpopUse
from leasehold.model.errors import Unavailable
from leasehold.model.kinds import Kind

KEY, OTHER = ClientKey(), ClientKey()
URL = "https://github-mcp.example/mcp"


@pytest.fixture
def door(tmp_path):
    with door_on(tmp_path) as door:
        yield door


def bound(door, key=KEY):
    world = door.world
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": world.pod_token(),
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "resource": URL,
    }
    reply = world.form("/oauth2/token", {"dpop": key.proof(world.now)}, **form)
    assert reply.json["token_type"] == "DPoP", reply.json
    return reply.json["access_token"]


def code(door, token, *proofs, scheme="DPoP", **more):
    """The HTTP status, with this proof."""
    headers = {"dpop": ",".join(proofs)} if proofs else {}
    response = door.check(more.pop("body", call()), token, scheme=scheme, **headers, **more)
    return 200 if response.status.code == 0 else response.denied_response.status.code


def proof(door, token, key=KEY, url=URL, **changes):
    return key.proof(door.world.now, url=url, token=token, **changes)


def test_a_bound_token_passes_with_its_proof_each_time_with_another(door):
    token = bound(door)
    for _ in range(2):
        assert code(door, token, proof(door, token)) == 200
    assert code(door, token, proof(door, token), path="/mcp?session=1") == 200
    assert code(door, token, proof(door, token), scheme="dpop") == 200


def test_a_proof_is_good_once(door):
    token = bound(door)
    once = proof(door, token)
    assert [code(door, token, once) for _ in range(3)] == [200, 401, 401]


def test_a_bound_token_is_no_bearer_token_and_a_bearer_token_is_not_bound(door):
    token, bearer = bound(door), door.token()
    assert code(door, token, scheme="Bearer") == 401
    assert code(door, token, proof(door, token), scheme="Bearer") == 401
    assert code(door, token) == 401
    assert code(door, bearer, proof(door, bearer)) == 401
    assert code(door, bearer, scheme="Bearer") == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "https://github-mcp.example/mcp/other"},
        {"url": "https://github-mcp.example/"},
        {"url": "https://anything.example/mcp"},  # the Host that the caller wrote
        {"url": "http://github-mcp.example/mcp"},
        {"url": "https://github-mcp.example:8443/mcp"},
        {"method": "GET"},
        {"method": "post"},
        {"key": OTHER},
        {"ath": "A" * 43},
        {"ath": None},
        {"iat": 1},
        {"jti": None},
        {"header": {"typ": "JWT"}},
    ],
)
def test_a_proof_for_something_else_is_none(door, wrong):
    token = bound(door)
    assert code(door, token, proof(door, token, **wrong)) == 401
    assert code(door, token, proof(door, token)) == 200


def test_a_proof_of_one_path_is_none_of_another(door):
    token = bound(door)
    assert code(door, token, proof(door, token), path="/mcp/admin") == 401
    assert code(door, token, proof(door, token), path="/") == 401
    assert code(door, token, proof(door, token, url=URL + "/admin"), path="/mcp/admin") == 200
    assert code(door, token, proof(door, token), method="DELETE") == 401
    assert code(door, token, proof(door, token, method="DELETE"), method="DELETE") == 200


def test_a_tool_server_may_take_bound_tokens_alone(door):
    token, bearer = bound(door), door.token()
    assert code(door, bearer, scheme="Bearer") == 200
    with door.world.store.read() as unit:
        server = unit.objects.get(Kind.TOOL_SERVERS, "github").spec
    door.world.put(Kind.TOOL_SERVERS, "github", replace(server, dpop=DpopUse.REQUIRED))
    assert code(door, bearer, scheme="Bearer") == 401
    assert headers_of(door.check(call(), bearer))["www-authenticate"].startswith("DPoP ")
    assert code(door, token, proof(door, token)) == 200


def test_two_proofs_are_none(door):
    token = bound(door)
    assert code(door, token, proof(door, token), proof(door, token)) == 401


def test_a_proof_of_another_token_of_the_same_key_is_none(door):
    one, other = bound(door), bound(door)
    assert code(door, one, proof(door, other)) == 401


def test_the_route_says_where_it_is_reached_if_that_is_elsewhere(door):
    token = bound(door)
    public = {**EXTENSIONS, "url": "https://gateway.example/mcp/github"}
    there = {"extensions": public, "path": "/mcp/github"}
    assert code(door, token, proof(door, token, url="https://gateway.example/mcp/github"), **there) == 200
    assert code(door, token, proof(door, token, url="https://github-mcp.example/mcp/github"), **there) == 401


def test_what_a_proof_lets_in_is_decided_all_the_same(door):
    token = bound(door)
    assert code(door, token, proof(door, token), body=call(repository="secret")) == 403


def test_a_stranger_makes_us_remember_nothing(door):
    """A proof is remembered once the token that it came with is known to be good."""
    token = bound(door)
    before = dict(door.world.store._store._state.replays)
    for wrong in (token[:-4] + "AAAA", door.world.registry_token()):
        assert code(door, wrong, proof(door, wrong)) == 401
    assert door.world.store._store._state.replays == before


def test_where_a_proof_cannot_be_remembered_nothing_passes(door):
    class Full:
        def begin(self):
            raise Unavailable("no database")

    token = bound(door)
    object.__setattr__(door.callers, "used", Full())
    assert code(door, token, proof(door, token)) == 503


def test_who_is_refused_learns_the_scheme_and_the_nonce_to_use(tmp_path):
    with door_on(tmp_path, Nonces(b"k" * 32)) as door:
        token = bound(door)
        response = door.check(call(), token, scheme="DPoP", dpop=proof(door, token))
        said = headers_of(response)
        assert 'error="use_dpop_nonce"' in said["www-authenticate"]
        assert said["www-authenticate"].startswith("DPoP ")
        nonce = said["dpop-nonce"]
        assert code(door, token, proof(door, token, nonce=nonce)) == 200
        assert code(door, token, proof(door, token, nonce="stale")) == 401
    assert token not in str(error(response))
