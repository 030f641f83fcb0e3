"""Tokens bound to a key (RFC 9449): what a proof must be, and what a bound token is not."""

import asyncio
from dataclasses import replace

import jwt
import pytest
from tests.fakes.client_keys import TOKEN_URL, ClientKey
from tests.fakes.exchange_world import EXCHANGE, GRANT, ISSUER, JWT, REGISTRY_AUDIENCE, TOOLS, request

from leasehold.keys.dpop import Proofs, jwk_thumbprint
from leasehold.model.clients import DpopUse
from leasehold.model.grants import Ceiling
from leasehold.model.kinds import Kind
from leasehold.model.possession import ProofRefused
from leasehold.model.tools import Scope

KEY, OTHER = ClientKey(), ClientKey()


def ask(world, proof=None, resource=TOOLS, token=None):
    headers = {"dpop": proof} if proof is not None else {}
    fields = {"grant_type": EXCHANGE, "subject_token_type": JWT, "resource": resource}
    return world.form("/oauth2/token", headers, subject_token=token or world.pod_token(), **fields)


def said(reply):
    return jwt.decode(reply.json["access_token"], options={"verify_signature": False})


def test_a_proof_binds_the_token_to_its_key(world):
    reply = ask(world, KEY.proof(world.now))

    assert reply.json["token_type"] == "DPoP"
    assert said(reply)["cnf"] == {"jkt": KEY.thumbprint}


def test_without_a_proof_the_token_is_a_bearer_token(world):
    reply = ask(world)

    assert reply.json["token_type"] == "Bearer"
    assert "cnf" not in said(reply)


def test_an_agent_that_must_prove_gets_nothing_without(world):
    world.change(Kind.AGENTS, "triage", dpop=DpopUse.REQUIRED)

    assert ask(world).json["error"] == "invalid_dpop_proof"
    assert ask(world, KEY.proof(world.now)).json["token_type"] == "DPoP"


@pytest.mark.parametrize("principal", ["organization", "team:shop", "agent:triage"])
def test_a_ceiling_requires_a_proof_of_every_agent_beneath_whatever_the_agent_says(world, principal):
    tools = Scope(tool_server="github", tools=GRANT.tools, resources=GRANT.resources)
    world.put(Kind.SCOPES, "tools", tools)
    above = Ceiling(principal=principal, scopes=frozenset({"tools"}), dpop=DpopUse.REQUIRED)
    world.put(Kind.CEILINGS, "proof", above)

    assert ask(world).json["error"] == "invalid_dpop_proof"
    assert world.events()[0].reason == "proof_missing"
    assert ask(world, KEY.proof(world.now)).json["token_type"] == "DPoP"
    world.put(Kind.CEILINGS, "proof", replace(above, principal="team:other"))
    assert ask(world).json["token_type"] == "Bearer"


def test_introspection_says_the_key_and_the_type(world):
    token = ask(world, KEY.proof(world.now)).json["access_token"]

    answer = world.introspect(token)
    assert (answer["token_type"], answer["cnf"]) == ("DPoP", {"jkt": KEY.thumbprint})


def test_a_registry_token_is_bound_too(world):
    reply = ask(world, KEY.proof(world.now), REGISTRY_AUDIENCE, world.people.token())

    assert reply.json["token_type"] == "DPoP"
    assert said(reply)["cnf"] == {"jkt": KEY.thumbprint}


@pytest.mark.parametrize(
    "changes",
    [
        {"url": f"{ISSUER}/oauth2/introspect"},
        {"url": "https://evil.example/oauth2/token"},
        {"url": TOKEN_URL.replace("https", "http")},
        {"method": "GET"},
        {"htm": "post"},
        {"htm": None},
        {"htu": None},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 257},
        {"iat": None},
        {"iat": True},
        {"iat": "now"},
        {"header": {"typ": "JWT"}},
        {"header": {"typ": "at+jwt"}},
        {"header": {"jwk": OTHER.jwk}},
        {"header": {"jwk": None}},
        {"header": {"jwk": "x"}},
        {"header": {"jwk": {**KEY.jwk, "d": "AAAA"}}},
        {"header": {"jwk": {"kty": "oct", "k": "AAAA"}}},
        {"header": {"jku": "https://evil.example"}},
        {"header": {"crit": ["x"], "x": 1}},
    ],
)
def test_a_proof_that_is_wrong_in_one_way_is_refused(world, changes):
    reply = ask(world, KEY.proof(world.now, **changes))

    assert (reply.status, reply.json["error"]) == (400, "invalid_dpop_proof")


def test_a_proof_is_neither_old_nor_from_the_future(world):
    now = int(world.now.timestamp())
    for at in (now - 62, now + 32):
        assert ask(world, KEY.proof(world.now, iat=at)).json["error"] == "invalid_dpop_proof"
    for at in (now - 55, now + 25):
        assert ask(world, KEY.proof(world.now, iat=at)).status == 200


def test_the_query_of_the_url_and_the_default_port_do_not_matter(world):
    assert ask(world, KEY.proof(world.now, url=TOKEN_URL + "?x=1")).status == 200
    assert ask(world, KEY.proof(world.now, url=TOKEN_URL.replace("example/", "example:443/"))).status == 200


def test_a_proof_is_used_once_however_many_try_at_once(world):
    proof = KEY.proof(world.now)
    body = f"grant_type={EXCHANGE}&subject_token={world.pod_token()}&subject_token_type={JWT}&resource={TOOLS}".encode()
    headers = {"content-type": "application/x-www-form-urlencoded", "dpop": proof}

    async def storm():
        return await asyncio.gather(*(request(world.app, "POST", "/oauth2/token", body, headers) for _ in range(50)))

    assert [reply.status for reply in asyncio.run(storm())].count(200) == 1


def test_junk_is_no_proof(world):
    for junk in ("x", "a.b.c", "..", "x" * 20_000):
        assert ask(world, junk).json["error"] == "invalid_dpop_proof"


def test_the_proof_of_a_presented_token_names_that_token(world):
    proofs = Proofs()
    url = "https://leasehold.example/mcp/github"
    good = KEY.proof(world.now, url=url, token="t1")

    assert proofs.check(good, "POST", url, world.now, "t1").key == KEY.thumbprint
    for proof in (good, KEY.proof(world.now, url=url)):
        with pytest.raises(ProofRefused):
            proofs.check(proof, "POST", url, world.now, "t2")


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "RS256", "PS256"])
def test_every_published_algorithm_proves(world, algorithm):
    assert ask(world, ClientKey(algorithm).proof(world.now)).status == 200


def test_the_thumbprint_is_that_of_the_standard():
    # RFC 8037 §A.3: the thumbprint of its Ed25519 key
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "any"}

    assert jwk_thumbprint(jwk) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
