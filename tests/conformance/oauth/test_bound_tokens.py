"""RFC 9449 §7 to §9, at our own doors."""

import pytest
from tests.conformance.requirements import proves
from tests.fakes.bound_world import DOORS, KEY, OTHER, BoundWorld
from tests.fakes.client_keys import TOKEN_URL
from tests.fakes.exchange_world import EXCHANGE, JWT, REGISTRY_AUDIENCE

from leasehold.keys.nonces import Nonces
from leasehold.store.memory.store import MemoryStore


@pytest.fixture(params=[None, Nonces(b"k" * 32)], ids=["without-nonces", "with-nonces"])
def world(request, tmp_path):
    world = BoundWorld(MemoryStore(), tmp_path, request.param)
    world.nonce = request.param.current(world.now) if request.param else None
    yield world.populate()
    world.close()


def errors(reply):
    return reply.status, 'error="invalid_dpop_proof"' in reply.headers.get("www-authenticate", "")


@proves("9449-scheme", "9449-bearer", "9449-unbound")
def test_each_token_is_presented_in_its_own_way(world):
    bound, bearer = world.bound(), world.registry_token()
    for method, path in DOORS:
        assert world.with_proof(method, path, bound).status == 200
        assert world.knock(method, path, {"authorization": f"Bearer {bound}"}).status == 401
        assert world.knock(method, path, {"authorization": f"Bearer {bearer}"}).status == 200
        assert world.with_proof(method, path, bearer).status == 401
        assert errors(world.knock(method, path, {"authorization": f"DPoP {bound}"})) == (401, True)


@proves("9449-ath")
def test_a_proof_is_for_the_very_token_and_of_its_key(world):
    token, other = world.bound(), world.bound()
    for method, path in DOORS:
        assert errors(world.with_proof(method, path, token, world.proof(method, path, other))) == (401, True)
        assert errors(world.with_proof(method, path, token, world.proof(method, path, token, ath=None))) == (401, True)
        assert world.with_proof(method, path, token, world.proof(method, path, token, OTHER)).status == 401


@proves("9449-challenge")
def test_a_401_offers_both_ways(world):
    for method, path in DOORS:
        offered = world.knock(method, path, {}).headers["www-authenticate"]
        assert offered.startswith("Bearer ")
        assert 'DPoP algs="ES256' in offered


def ask(world, **claims):
    headers = {"dpop": KEY.proof(world.now, url=TOKEN_URL, **claims)}
    fields = {"grant_type": EXCHANGE, "subject_token_type": JWT, "resource": REGISTRY_AUDIENCE}
    return world.form("/oauth2/token", headers, subject_token=world.people.token(), **fields)


@proves("9449-nonce-token", "9449-nonce-resource", "9449-nonce-new", "9449-nonce-store")
def test_nonces_are_asked_for_where_the_server_wants_them_and_nowhere_else(world):
    if world.nonce is None:
        assert ask(world).status == 200
        return
    refused = ask(world)
    assert (refused.status, refused.json["error"]) == (400, "use_dpop_nonce")
    assert (refused.headers["dpop-nonce"], refused.headers["cache-control"]) == (world.nonce, "no-store")
    world.later(seconds=60)
    answer = ask(world, nonce=world.nonce)
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.headers["dpop-nonce"] not in {"", world.nonce}

    token = world.bound()
    world.later(seconds=60)
    for method, path in DOORS:
        stale = world.with_proof(method, path, token)
        assert stale.status == 401
        assert 'error="use_dpop_nonce"' in stale.headers["www-authenticate"]
        assert stale.headers["cache-control"] == "no-store"
        proof = world.proof(method, path, token, nonce=stale.headers["dpop-nonce"])
        assert world.with_proof(method, path, token, proof).status == 200
