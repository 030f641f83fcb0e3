"""Tokens that are bound to a key, at every door of our own (RFC 9449 §7), and the nonces of their proofs (§8, §9)."""

import asyncio

import jwt
import pytest
from tests.fakes.bound_world import DOORS, KEY, OTHER, BoundWorld
from tests.fakes.client_keys import TOKEN_URL
from tests.fakes.exchange_world import EXCHANGE, ISSUER, JWT, REGISTRY_AUDIENCE, TOOLS, request, together

from leasehold.authn.possession import Presented
from leasehold.keys.nonces import Nonces
from leasehold.keys.signing import TokenMint
from leasehold.model.errors import Unavailable
from leasehold.store.memory.store import MemoryStore


@pytest.fixture
def world(tmp_path):
    world = BoundWorld(MemoryStore(), tmp_path)
    yield world.populate()
    world.close()


@pytest.fixture
def wanting(tmp_path):
    """A server that wants nonces."""
    world = BoundWorld(MemoryStore(), tmp_path, Nonces(b"k" * 32))
    yield world.populate()
    world.close()


def replays(world):
    return dict(world.store._store._state.replays)


@pytest.mark.parametrize(("method", "path"), DOORS)
def test_a_bound_token_is_no_bearer_token(world, method, path):
    token = world.bound()
    proof = world.proof(method, path, token)
    for headers in ({}, {"dpop": proof}):
        reply = world.knock(method, path, {"authorization": f"Bearer {token}", **headers})
        assert reply.status == 401
        assert 'DPoP algs="' in reply.headers["www-authenticate"]


@pytest.mark.parametrize(("method", "path"), DOORS)
def test_a_bound_token_with_its_proof_opens_the_door(world, method, path):
    token = world.bound()
    assert world.with_proof(method, path, token).status == 200
    assert world.with_proof(method, path, token).status == 200  # another proof, the same token


@pytest.mark.parametrize(("method", "path"), DOORS)
def test_a_bearer_token_is_no_bound_token(world, method, path):
    assert world.with_proof(method, path, world.registry_token()).status == 401
    assert world.knock(method, path, {"authorization": f"Bearer {world.registry_token()}"}).status == 200


@pytest.mark.parametrize(("method", "path"), DOORS)
@pytest.mark.parametrize(
    "changes",
    [
        {"htm": "PATCH"},
        {"url": ISSUER + "/v1/owners"},
        {"url": "https://evil.example/v1/whoami"},
        {"token": None},
        {"token": "another"},
        {"ath": "x"},
        {"key": OTHER},
        {"iat": 1},
        {"header": {"typ": "JWT"}},
    ],
)
def test_a_proof_of_something_else_does_not_open_it(world, method, path, changes):
    token = world.bound()
    given = {"token": token, **changes}
    reply = world.with_proof(method, path, token, world.proof(method, path, **given))

    assert reply.status == 401
    assert "DPoP" in reply.headers["www-authenticate"]


@pytest.mark.parametrize(("method", "path"), DOORS)
def test_a_proof_opens_a_door_once(world, method, path):
    token = world.bound()
    proof = world.proof(method, path, token)

    assert world.with_proof(method, path, token, proof).status == 200
    again = world.with_proof(method, path, token, proof)
    assert again.status == 401
    assert 'error="invalid_dpop_proof"' in again.headers["www-authenticate"]


def test_of_fifty_uses_of_one_proof_at_once_one_wins(world):
    sent_token = world.bound()
    proof = world.proof("GET", "/v1/whoami", sent_token)
    headers = {"authorization": f"DPoP {sent_token}", "dpop": proof}
    replies = together(*(request(world.app, "GET", "/v1/whoami", b"", headers) for _ in range(50)))
    assert sorted(reply.status for reply in replies) == [200] + [401] * 49


@pytest.mark.parametrize(("method", "path"), DOORS)
@pytest.mark.parametrize("proof", [None, "", "junk", "a.b.c"])
def test_without_a_proof_that_is_one_there_is_no_way_in(world, method, path, proof):
    token = world.bound()
    headers = {"authorization": f"DPoP {token}"} | ({"dpop": proof} if proof is not None else {})
    reply = world.knock(method, path, headers)
    assert reply.status == 401
    assert 'error="invalid_dpop_proof"' in reply.headers["www-authenticate"]


def test_two_proofs_are_none(world):
    token = world.bound()
    proof = world.proof("GET", "/v1/whoami", token).encode()
    sent = []
    headers = [(b"authorization", f"DPoP {token}".encode()), (b"dpop", proof), (b"dpop", proof)]
    scope = {"type": "http", "method": "GET", "path": "/v1/whoami", "query_string": b"", "headers": headers}

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    asyncio.run(world.app(scope, receive, send))
    assert sent[0]["status"] == 401


@pytest.mark.parametrize(("method", "path"), DOORS)
def test_a_stranger_with_a_fine_proof_makes_us_remember_nothing(world, method, path):
    agent = world.bound(TOOLS)
    before = replays(world)
    for token in ("junk", agent):
        assert world.with_proof(method, path, token).status == 401
    assert replays(world) == before


def test_where_a_proof_cannot_be_remembered_nobody_comes_in(world):
    token = world.bound()
    world.store.away = True
    for method, path in DOORS:
        assert world.with_proof(method, path, token).status == 503


def test_a_revoked_bound_token_opens_nothing(world):
    token = world.bound()
    world.revoke(token)
    for method, path in DOORS:
        assert world.with_proof(method, path, token).status == 401


def test_an_agent_ends_its_task_with_a_bound_token(world):
    headers = {"dpop": KEY.proof(world.now, url=TOKEN_URL)}
    fields = {"grant_type": EXCHANGE, "subject_token_type": JWT, "resource": TOOLS, "task": "ticket-1"}
    token = world.form("/oauth2/token", headers, subject_token=world.pod_token(), **fields).json["access_token"]
    path = "/v1/tasks/ticket-1:end"
    assert world.knock("POST", path, {"authorization": f"Bearer {token}"}).status == 401
    assert world.with_proof("POST", path, token, world.proof("POST", path, token, OTHER)).status == 401
    proof = world.proof("POST", path, token)
    assert world.with_proof("POST", path, token, proof).status == 200
    assert world.with_proof("POST", path, token, proof).status == 401


def test_escapes_of_a_path_are_one_however_they_are_written(world):
    token = world.bound()
    path = "/v1/agents/triage"
    proof = world.proof("GET", path, token, url=f"{ISSUER}/v1/%61gents/tri%61ge?x=1#y")
    assert world.with_proof("GET", path, token, proof).status == 200
    proof = world.proof("GET", path, token, url=f"{ISSUER}/v1%2Fagents/triage")
    assert world.with_proof("GET", path, token, proof).status == 401


def test_the_old_way_still_works_beside_it(world):
    assert world.knock("GET", "/v1/whoami", {"authorization": f"bearer {world.registry_token()}"}).status == 200


@pytest.mark.parametrize("cnf", ["x", [], {}, {"jkt": 7}, {"x5t#S256": "AAAA"}, {"jkt": ["a"]}])
def test_a_token_that_is_bound_in_a_way_we_do_not_know_opens_nothing(world, cnf):
    claims = jwt.decode(world.registry_token(), options={"verify_signature": False})
    token = asyncio.run(TokenMint(world.signer).sign({**claims, "cnf": cnf}))
    assert world.knock("GET", "/v1/whoami", {"authorization": f"Bearer {token}"}).status == 401
    assert world.with_proof("GET", "/v1/whoami", token).status == 401


# Nonces.


def ask(world, **claims):
    headers = {"dpop": KEY.proof(world.now, url=TOKEN_URL, **claims)}
    fields = {"grant_type": EXCHANGE, "subject_token_type": JWT, "resource": REGISTRY_AUDIENCE}
    return world.form("/oauth2/token", headers, subject_token=world.people.token(), **fields)


def test_the_token_endpoint_asks_for_a_nonce_and_takes_it(wanting):
    refused = ask(wanting)
    assert (refused.status, refused.json["error"]) == (400, "use_dpop_nonce")
    assert refused.headers["cache-control"] == "no-store"
    nonce = refused.headers["dpop-nonce"]

    taken = ask(wanting, nonce=nonce)
    assert (taken.status, taken.json["token_type"]) == (200, "DPoP")
    assert "dpop-nonce" not in taken.headers  # it will do for a while


@pytest.mark.parametrize("nonce", ["", "x", 7, None, ["a"], "é", "x" * 5000])
def test_a_nonce_that_is_none_is_asked_for_again(wanting, nonce):
    assert ask(wanting, nonce=nonce).json["error"] == "use_dpop_nonce"


def test_an_old_nonce_is_taken_for_one_window_more_and_answered_with_the_next(wanting):
    nonce = ask(wanting).headers["dpop-nonce"]
    wanting.later(seconds=60)
    taken = ask(wanting, nonce=nonce)
    assert taken.status == 200
    assert taken.headers["dpop-nonce"] not in {"", nonce}
    assert ask(wanting, nonce=taken.headers["dpop-nonce"]).status == 200
    wanting.later(seconds=60)
    assert ask(wanting, nonce=nonce).json["error"] == "use_dpop_nonce"


def test_a_proof_that_is_wrong_in_another_way_learns_no_nonce(wanting):
    refused = ask(wanting, htm="GET")
    assert refused.json["error"] == "invalid_dpop_proof"
    assert "dpop-nonce" not in refused.headers


def test_who_sends_no_proof_is_asked_for_no_nonce(wanting):
    assert wanting.exchange_form(wanting.pod_token()).json["token_type"] == "Bearer"


def test_a_proof_that_lacked_its_nonce_is_not_used_up(wanting):
    nonce = ask(wanting).headers["dpop-nonce"]
    assert ask(wanting, jti="one").json["error"] == "use_dpop_nonce"
    assert ask(wanting, jti="one", nonce=nonce).status == 200
    assert ask(wanting, jti="one", nonce=nonce).json["error"] == "invalid_grant"


@pytest.mark.parametrize(("method", "path"), DOORS)
def test_a_door_asks_for_a_nonce_and_takes_it(wanting, method, path):
    wanting.nonce = ask(wanting).headers["dpop-nonce"]
    token = wanting.bound()
    wanting.later(seconds=121)
    refused = wanting.with_proof(method, path, token)
    assert refused.status == 401
    assert 'error="use_dpop_nonce"' in refused.headers["www-authenticate"]

    wanting.nonce = refused.headers["dpop-nonce"]
    assert wanting.with_proof(method, path, token).status == 200


def test_replicas_take_each_others_nonces_and_strangers_know_none(world):
    ours, same, other = Nonces(b"a" * 32), Nonces(b"a" * 32), Nonces(b"b" * 32)
    nonce = ours.current(world.now)

    assert same.accepts(nonce, world.now)
    assert not other.accepts(nonce, world.now)
    world.later(seconds=-30)
    assert same.accepts(nonce, world.now)  # a replica whose clock is behind


def test_a_store_that_is_away_is_no_proof_used(world):
    world.store.away = True
    with pytest.raises(Unavailable):
        world.possessions.spend(world.possessions.prove(sent(world), world.now))


def sent(world):
    token = "t"
    return Presented(token=token, proof=world.proof("GET", "/x", token), method="GET", path="/x")
