"""A tool server that takes bound tokens alone: it says so, none other is issued for it, and none other is let in."""

import json

import pytest
from tests.fakes.client_keys import ClientKey
from tests.fakes.gateway_world import TOOLS

from leasehold.model.clients import DpopUse

URL = "https://leasehold.example/mcp/{}"
WELL_KNOWN = "/.well-known/oauth-protected-resource/mcp/{}"
CALL = {"name": "read_file", "arguments": {"repository": "web"}}


@pytest.fixture
def key():
    return ClientKey()


@pytest.fixture
def bound(world):
    """The same, with one more server, which takes no bearer tokens."""
    require(world, "vault")
    world.grant("vault", ["read_file"], "repo:web")
    world.look()
    return world


def require(world, name, dpop=DpopUse.REQUIRED):
    world.dpop = dpop
    world.serve(name, TOOLS)
    world.look()


def told(world, name):
    """Status, challenge and metadata, as a stranger hears them."""
    refused = world.ask("tools/list", token="stranger", server=name)
    document = json.loads(world.run(WELL_KNOWN.format(name), b"", {"host": "leasehold.example"}, "GET").body)
    return refused.status, refused.headers["www-authenticate"].partition(" ")[0], document


def test_strangers_hear_that_it_takes_bound_tokens_alone_and_of_no_other_server_anything(bound):
    status, scheme, document = told(bound, "vault")
    assert (status, scheme, document["dpop_bound_access_tokens_required"]) == (401, "DPoP", True)
    assert "ES256" in document["dpop_signing_alg_values_supported"]
    known, unknown = told(bound, "code"), told(bound, "nobody")
    assert (known[0], known[1], "dpop_bound_access_tokens_required" in known[2]) == (401, "Bearer", False)
    assert [part if isinstance(part, int) else str(part).replace("nobody", "code") for part in unknown] == [
        part if isinstance(part, int) else str(part) for part in known
    ]


def test_no_token_is_issued_for_it_without_a_key(bound, key):
    refused = bound.world.exchange_form(bound.world.pod_token(), URL.format("vault"))
    assert (refused.status, refused.json["error"]) == (400, "invalid_dpop_proof")
    assert bound.world.exchange_form(bound.world.pod_token(), URL.format("code")).status == 200
    assert bound.bound_token("vault", key).json["token_type"] == "DPoP"


def test_a_bound_token_with_its_proof_is_let_in_and_nothing_else(bound, key):
    token = bound.bound_token("vault", key).json["access_token"]

    def ask(**headers):
        return bound.ask("tools/call", CALL, "", "vault", **headers)

    proof = key.proof(bound.world.now, url=URL.format("vault"), method="POST", token=token)
    assert ask(authorization=f"DPoP {token}", dpop=proof).status == 200
    for headers in ({"authorization": f"Bearer {token}"}, {"authorization": f"DPoP {token}"}):
        refused = ask(**headers)
        assert refused.status == 401
        assert refused.headers["www-authenticate"].startswith("DPoP ")
        assert "algs=" in refused.headers["www-authenticate"]
    assert len(bound.upstream.sent) == 1


def test_a_bearer_token_from_before_is_good_no_longer(world):
    token = world.token()
    assert world.call("read_file", token, repository="web").status == 200
    require(world, "code")
    refused = world.call("read_file", token, repository="web")
    assert (refused.status, refused.headers["www-authenticate"].partition(" ")[0]) == (401, "DPoP")
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    require(world, "code", DpopUse.OFF)
    assert world.call("read_file", world.token(), repository="web").status == 200
