"""RFC 9068 §4, RFC 7519, RFC 7515 and RFC 8725, where we are the verifier."""

import asyncio
import json

import jwt
import pytest
from tests.conformance.requirements import proves
from tests.fakes.exchange_world import ISSUER, REGISTRY_AUDIENCE
from tests.fakes.simulated_issuer import SigningKey, sign_raw

from leasehold.exchange.refusals import ExchangeRefused
from leasehold.model.errors import Unauthenticated


def resigned(world, *, header=None, **changes) -> str:
    """A registry token of ours, signed with our own key, wrong in one way."""
    token = world.registry_token()
    claims = {**jwt.decode(token, options={"verify_signature": False}), **changes}
    members = {**jwt.get_unverified_header(token), **(header or {})}
    private = world.signer._private[world.signer.key_id]
    key = SigningKey("ES256", private, world.signer.key_id)
    return sign_raw(json.dumps(members).encode(), json.dumps(claims).encode(), key)


def refuses(world, token) -> bool:
    try:
        world.callers.authenticate(token, world.now)
    except Unauthenticated:
        return True
    return False


@proves("9068-typ")
def test_a_token_signed_again_as_it_was_is_accepted(world):
    """The control of the tests below: without a change, signing again changes nothing."""
    assert not refuses(world, resigned(world))


@proves("9068-verify-typ")
@pytest.mark.parametrize("typ", ["JWT", "", "dpop+jwt", "id+jwt"])
def test_another_typ_is_refused(world, typ):
    assert refuses(world, resigned(world, header={"typ": typ}))


@proves("9068-verify-iss")
def test_another_issuer_is_refused(world):
    assert refuses(world, resigned(world, iss=ISSUER + "/"))


@proves("9068-verify-aud")
def test_another_audience_is_refused(world):
    assert refuses(world, resigned(world, aud="https://other.example"))
    assert refuses(world, resigned(world, aud=[REGISTRY_AUDIENCE, "https://other.example"]))


@proves("9068-verify-none", "8725-alg")
def test_another_algorithm_is_refused(world):
    head, payload, _ = world.registry_token().split(".")
    unsigned = jwt.encode(jwt.decode(f"{head}.{payload}.", options={"verify_signature": False}), "", algorithm="none")
    assert refuses(world, unsigned)
    assert refuses(world, resigned(world, header={"alg": "ES384"}))


@proves("9068-verify-exp")
def test_an_expired_token_is_refused(world):
    assert refuses(world, resigned(world, exp=int(world.now.timestamp())))


@proves("7515-crit")
def test_a_critical_header_is_refused(world):
    assert refuses(world, resigned(world, header={"crit": ["exp"]}))


def exchanges(world, token) -> bool:
    try:
        return asyncio.run(world.ask(token)) is not None
    except ExchangeRefused:
        return False


@proves("7519-duplicates")
def test_a_claim_that_stands_twice_is_refused(world):
    key = world.cluster.keys[0]
    header = json.dumps({"alg": "RS256", "kid": key.kid}).encode()
    once = json.dumps(world.cluster.claims())
    assert exchanges(world, sign_raw(header, once.encode(), key))

    assert not exchanges(world, sign_raw(header, once.replace("{", '{"jti": "x", ', 1).encode(), key))


@proves("7519-exp", "7519-nbf")
def test_a_token_is_accepted_between_its_instants_alone(world):
    at = int(world.now.timestamp())
    assert exchanges(world, world.pod_token(exp=at + 2))
    assert not exchanges(world, world.pod_token(exp=at))
    assert exchanges(world, world.pod_token(nbf=at + 30))
    assert not exchanges(world, world.pod_token(nbf=at + 31))


@proves("8725-typ")
def test_an_access_token_is_no_identity(world):
    assert not exchanges(world, world.cluster.token(header={"typ": "at+jwt"}))
