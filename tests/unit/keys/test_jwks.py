"""Which published keys may check a signature."""

import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from tests.fakes.exchange_world import signing_key
from tests.fakes.simulated_issuer import SigningKey, SimulatedIssuer

from leasehold.keys.compact import parse
from leasehold.keys.jwks import InvalidJwks, parse_jwks
from leasehold.model.tokens import UnverifiedToken

KEY = signing_key("cluster")
RS256 = frozenset({"RS256"})


def keys(*jwks, algorithms=RS256):
    return parse_jwks(json.dumps({"keys": list(jwks)}), algorithms)


def test_a_signing_key_is_found_by_its_kid():
    found = keys(KEY.jwk()).find(KEY.kid)

    assert found.algorithms == RS256
    assert "RSAPublicKey" not in repr(found)


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"key_ops": "verify"},
        {"alg": "RS512"},
        {"alg": "RSA-OAEP"},
        {"kty": "EC"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"d": "AQAB"},
        {"n": "!"},
        {"n": 1},
        {"n": None},
        {"e": "AQABAQABAQAB"},
        {"kid": 7},
    ],
    ids=repr,
)
def test_a_key_that_must_not_verify_is_left_out(change):
    with pytest.raises(InvalidJwks):
        keys({**KEY.jwk(), **change})


@pytest.mark.parametrize("change", [{"use": None}, {"alg": None}, {"key_ops": ["verify", "sign"]}], ids=repr)
def test_optional_members_may_be_absent(change):
    jwk = {name: value for name, value in {**KEY.jwk(), **change}.items() if value is not None}

    assert keys(jwk).find(KEY.kid)


def test_a_weak_rsa_key_is_left_out():
    with pytest.raises(InvalidJwks):
        keys(SigningKey.new("RS256", bits=1024).jwk())


def test_an_rsa_key_too_large_to_check_is_left_out():
    modulus = (1 << 9000) + 1
    n = base64.urlsafe_b64encode(modulus.to_bytes(1126)).rstrip(b"=").decode()
    with pytest.raises(InvalidJwks):
        keys({**KEY.jwk(), "n": n})


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
def test_an_elliptic_key_fits_the_algorithm_of_its_curve_alone(algorithm):
    jwk = SigningKey.new(algorithm).jwk()
    del jwk["alg"]
    found = keys(jwk, algorithms=frozenset({"ES256", "ES384", "ES512"})).find(jwk["kid"])

    assert found.algorithms == {algorithm}


def test_a_point_that_is_not_on_the_curve_is_left_out():
    jwk = SigningKey.new("ES256").jwk()
    with pytest.raises(InvalidJwks):
        keys({**jwk, "y": jwk["x"]}, algorithms=frozenset({"ES256"}))


def test_an_ed25519_key_verifies_eddsa():
    private = ed25519.Ed25519PrivateKey.generate()
    jwk = jwt.algorithms.OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
    found = keys({**jwk, "kid": "e"}, algorithms=frozenset({"EdDSA"})).find("e")

    assert found.verifies("EdDSA", b"text", private.sign(b"text"))
    assert not found.verifies("EdDSA", b"other", private.sign(b"text"))


def test_a_kid_that_names_two_usable_keys_names_none():
    other = {**signing_key("github").jwk(), "kid": KEY.kid}
    with pytest.raises(InvalidJwks):
        keys(KEY.jwk(), other)

    third = signing_key("people-rs").jwk()
    found = keys(KEY.jwk(), other, third)
    assert found.find(KEY.kid) is None
    assert found.find(third["kid"])


def test_a_kid_shared_with_an_encryption_key_still_names_the_signing_key():
    assert keys({**signing_key("github").jwk(), "kid": KEY.kid, "use": "enc"}, KEY.jwk()).find(KEY.kid)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"keys": {}}', '{"keys": []}', '{"keys": [1, null]}', "[" * 100_000, "\ud800", b"\xff"]
)
def test_a_set_without_keys_is_refused(text):
    with pytest.raises(InvalidJwks):
        parse_jwks(text, RS256)


def test_a_key_refuses_every_algorithm_but_its_own():
    token = parse(UnverifiedToken(SimulatedIssuer.oidc(keys=[KEY]).token()))
    found = keys(KEY.jwk()).find(KEY.kid)

    assert found.verifies("RS256", token.signing_input, token.signature)
    assert not found.verifies("PS256", token.signing_input, token.signature)
    assert not found.verifies("HS256", token.signing_input, token.signature)
