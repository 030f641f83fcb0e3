"""Every way in which a token can be wrong, one at a time. The comment of a case names what it imitates."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.fakes.exchange_world import signing_key
from tests.fakes.simulated_issuer import SigningKey, SimulatedIssuer, sign_raw

from leasehold.keys.compact import parse
from leasehold.keys.jwks import parse_jwks
from leasehold.keys.verification import verify
from leasehold.model.tokens import LEEWAY, Flaw, TokenProfile, TokenRefused, UnverifiedToken

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
KEY = signing_key("cluster")
ISSUER = SimulatedIssuer.oidc(keys=[KEY], clock=lambda: NOW)
RS256 = frozenset({"RS256"})
PROFILE = TokenProfile(
    issuer=ISSUER.url,
    audiences=frozenset({ISSUER.audience}),
    algorithms=RS256,
    types=frozenset({"", "jwt"}),
    required=frozenset(),
    max_ttl=timedelta(hours=1),
)


def checked(token, *, profile=PROFILE, keys=None, now=NOW):
    return verify(UnverifiedToken(token), profile, keys or parse_jwks(ISSUER.jwks(), profile.algorithms), now)


def flaw(token, **options) -> Flaw:
    with pytest.raises(TokenRefused) as refused:
        checked(token, **options)
    assert str(refused.value) == "the token was not accepted"
    return refused.value.flaw


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw_token(header: bytes | None = None, payload: bytes | None = None, key=KEY) -> str:
    header = header or json.dumps({"alg": "RS256", "kid": KEY.kid}).encode()
    return sign_raw(header, payload or json.dumps(ISSUER.claims()).encode(), key)


def test_a_genuine_token_is_verified():
    claims = ISSUER.claims()
    verified = checked(ISSUER.sign(claims))

    assert (verified.issuer, verified.subject, verified.audience) == (ISSUER.url, "00u1alice", ISSUER.audience)
    assert (verified.issued_at, verified.expires_at) == (NOW, NOW + timedelta(seconds=600))
    assert (verified.token_id, verified.claims) == (claims["jti"], claims)
    assert "alice@example.com" not in repr(verified)


def test_alg_none_is_refused():
    for name in ("none", "None", "NONE", "nOnE", ""):
        body = f"{b64(json.dumps({'alg': name}).encode())}.{b64(json.dumps(ISSUER.claims()).encode())}"
        assert flaw(body + ".") is Flaw.ALGORITHM_REFUSED
        assert flaw(f"{body}.{b64(b'x')}") is Flaw.ALGORITHM_REFUSED


def test_cve_2026_48526_hs256_with_the_public_key_as_secret_is_refused():
    public = KEY.private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, pem.strip(), der, json.dumps(KEY.jwk()).encode(), KEY.jwk()["n"].encode()):
        head = b64(json.dumps({"alg": "HS256", "kid": KEY.kid}).encode())
        signing_input = f"{head}.{b64(json.dumps(ISSUER.claims()).encode())}"
        mac = hmac.new(secret, signing_input.encode(), hashlib.sha256).digest()
        assert flaw(f"{signing_input}.{b64(mac)}") is Flaw.ALGORITHM_REFUSED


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_cve_2026_48523_another_algorithm_of_the_same_key_is_refused(algorithm):
    other = SigningKey(algorithm, KEY.private, KEY.kid)

    assert flaw(SimulatedIssuer.oidc(keys=[other], clock=lambda: NOW).token()) is Flaw.ALGORITHM_REFUSED


def test_cve_2026_48523_a_header_that_names_one_algorithm_over_a_signature_of_another_is_refused():
    other = SigningKey("PS256", KEY.private, KEY.kid)
    token = raw_token(key=other)

    assert flaw(token) is Flaw.BAD_SIGNATURE


@pytest.mark.parametrize(
    "member",
    [
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example/cert"},
        {"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}},
        {"x5c": ["MIIB"]},
        {"crit": ["exp"]},
        {"crit": []},
        {"b64": False},
        {"zip": "DEF"},
        {"cty": "JWT"},
        {"enc": "A256GCM"},
        {"unknown": 1},
        {"alg": 1},
        {"alg": ["RS256"]},
        {"kid": {"$ne": ""}},
        {"typ": 1},
    ],
    ids="".join,
)
def test_cve_2026_48525_a_header_that_brings_keys_or_changes_meaning_is_refused(member):
    assert flaw(ISSUER.token(header=member)) is Flaw.HEADER_REFUSED


@pytest.mark.parametrize(
    "kid", ["", "../../dev/null", "x' OR '1'='1", "/proc/self/environ", "\x00", "null", "https://evil.example/key"]
)
def test_a_kid_is_an_opaque_string(kid):
    assert flaw(ISSUER.token(header={"kid": kid})) is Flaw.UNKNOWN_KEY


def test_a_token_without_kid_fits_an_issuer_with_one_key_only():
    one = parse_jwks(json.dumps({"keys": [KEY.jwk()]}), RS256)
    two = parse_jwks(json.dumps({"keys": [KEY.jwk(), signing_key("github").jwk()]}), RS256)

    assert checked(ISSUER.token(header={"kid": None}), keys=one)
    assert flaw(ISSUER.token(header={"kid": None}), keys=two) is Flaw.UNKNOWN_KEY


def test_a_key_that_was_rotated_out_is_unknown():
    after = parse_jwks(json.dumps({"keys": [signing_key("github").jwk()]}), RS256)

    assert flaw(ISSUER.token(), keys=after) is Flaw.UNKNOWN_KEY


def test_a_strangers_key_under_our_kid_is_refused():
    stranger = SigningKey("RS256", signing_key("stranger").private, KEY.kid)

    assert flaw(SimulatedIssuer.oidc(keys=[stranger], clock=lambda: NOW).token()) is Flaw.BAD_SIGNATURE


@pytest.mark.parametrize("typ", ["at+jwt", "application/at+jwt", "logout+jwt", "dpop+jwt", "JOSE", "secevent+jwt"])
def test_a_token_of_another_type_is_refused(typ):
    assert flaw(ISSUER.token(header={"typ": typ})) is Flaw.WRONG_TYPE


@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "application/jwt"])
def test_an_identity_token_says_jwt_or_nothing(typ):
    assert checked(ISSUER.token(header={"typ": typ}))


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "iat", "exp"])
def test_a_missing_claim_is_refused(claim):
    assert flaw(ISSUER.token(**{claim: None})) is Flaw.MISSING_CLAIM


def test_a_claim_that_the_profile_requires_is_required():
    assert flaw(ISSUER.token(), profile=replace(PROFILE, required=frozenset({"client_id"}))) is Flaw.MISSING_CLAIM


@pytest.mark.parametrize(
    "aud",
    [
        "https://other.example",
        "https://leasehold.example/",
        "HTTPS://leasehold.example",
        ["https://leasehold.example", "https://other.example"],
        ["https://leasehold.example", "https://leasehold.example"],
        [],
        "",
        None,
        {"https://leasehold.example": 1},
        [["https://leasehold.example"]],
        1,
    ],
    ids=repr,
)
def test_any_audience_but_exactly_ours_is_refused(aud):
    claims = {**ISSUER.claims(), "aud": aud}

    assert flaw(ISSUER.sign(claims)) is Flaw.WRONG_AUDIENCE


def test_an_audience_may_be_an_array_of_one():
    assert checked(ISSUER.token(aud=[ISSUER.audience])).audience == ISSUER.audience


@pytest.mark.parametrize("iss", ["https://login.example/", "https://Login.example", "https://evil.example"])
def test_another_issuer_is_refused(iss):
    assert flaw(ISSUER.token(iss=iss)) is Flaw.WRONG_ISSUER


@pytest.mark.parametrize(
    "claim",
    [{"iss": 1}, {"sub": ""}, {"sub": 7}, {"sub": "a\x00b"}, {"sub": "\u202egpj"}, {"sub": "x" * 1025}, {"jti": []}],
    ids=repr,
)
def test_a_claim_of_the_wrong_form_is_refused(claim):
    assert flaw(ISSUER.token(**claim)) is Flaw.BAD_CLAIM


# Clock skew, at each edge. Another clock may run LEEWAY ahead of ours; an expiry is the second it says.
EDGES = [
    ({"exp": AT + 1}, None),
    ({"exp": AT}, Flaw.EXPIRED),
    ({"exp": AT - 1}, Flaw.EXPIRED),
    ({"exp": AT + 0.5}, None),
    ({"nbf": AT + 30}, None),
    ({"nbf": AT + 31}, Flaw.NOT_YET_VALID),
    ({"iat": AT + 30, "nbf": None}, None),
    ({"iat": AT + 31, "nbf": None}, Flaw.NOT_YET_VALID),
    ({"iat": AT, "exp": AT + 3600}, None),
    ({"iat": AT, "exp": AT + 3601}, Flaw.TOO_LONG_LIVED),
    ({"exp": 10**12}, Flaw.TOO_LONG_LIVED),
    ({"exp": 10**400}, Flaw.TOO_LONG_LIVED),
    ({"exp": 253_402_300_799}, Flaw.TOO_LONG_LIVED),
    ({"iat": -1}, Flaw.BAD_CLAIM),
    ({"exp": True}, Flaw.BAD_CLAIM),
    ({"exp": str(AT + 60)}, Flaw.BAD_CLAIM),
    ({"nbf": []}, Flaw.BAD_CLAIM),
]


@pytest.mark.parametrize(("claims", "expected"), EDGES, ids=lambda case: repr(case)[:40])
def test_each_edge_of_time(claims, expected):
    token = ISSUER.token(**claims)
    if expected is None:
        assert checked(token)
    else:
        assert flaw(token) is expected


def test_the_leeway_is_thirty_seconds():
    assert timedelta(seconds=30) == LEEWAY


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_none_is_refused(number):
    payload = json.dumps(ISSUER.claims(exp=0)).replace('"exp": 0', f'"exp": {number}').encode()

    assert flaw(raw_token(payload=payload)) in {Flaw.MALFORMED, Flaw.BAD_CLAIM, Flaw.TOO_LONG_LIVED}


def test_duplicate_members_are_refused():
    claims = json.dumps(ISSUER.claims())
    assert flaw(raw_token(payload=claims.replace("{", '{"sub": "admin", ', 1).encode())) is Flaw.MALFORMED
    header = f'{{"alg": "none", "alg": "RS256", "kid": "{KEY.kid}"}}'.encode()
    assert flaw(raw_token(header=header)) is Flaw.MALFORMED
    nested = json.dumps(ISSUER.claims(k={"a": 1})).replace('{"a": 1}', '{"a": 1, "a": 2}').encode()
    assert flaw(raw_token(payload=nested)) is Flaw.MALFORMED


@pytest.mark.parametrize(
    "payload", [b"[]", b"null", b'"text"', b"{", b"\xff\xfe", b"", b"[" * 10_000, b'{"a":' * 2000, b"{}x"]
)
def test_a_payload_that_is_no_object_is_refused(payload):
    header = json.dumps({"alg": "RS256", "kid": KEY.kid}).encode()

    assert flaw(sign_raw(header, payload, KEY)) is Flaw.MALFORMED


@pytest.mark.parametrize(
    "spell",
    [
        lambda t: t + "=",
        lambda t: t + "\n",
        lambda t: " " + t,
        lambda t: t + ".",
        lambda t: t.replace(".", "..", 1),
        lambda t: t.rpartition(".")[0],
        lambda t: t.replace(".", ".\u00e9", 1),
        lambda t: t[:-1] + "*",
        lambda t: "Bearer " + t,
    ],
)
def test_a_second_spelling_of_a_token_is_refused(spell):
    assert flaw(spell(ISSUER.token())) is Flaw.MALFORMED


def test_stray_bits_in_the_last_character_are_refused():
    token = ISSUER.token()  # a 2048-bit signature leaves four stray bits
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(token[-1]) ^ 1]

    assert flaw(token[:-1] + last) is Flaw.MALFORMED


def test_a_token_over_sixteen_kilobytes_is_refused_unread():
    assert flaw("x" * 16_385) is Flaw.TOO_LARGE
    assert flaw(ISSUER.token(padding="x" * 16_384)) is Flaw.TOO_LARGE


def test_a_token_taken_apart_keeps_what_was_signed():
    token = ISSUER.token()

    assert parse(UnverifiedToken(token)).signing_input.decode() == token.rpartition(".")[0]
