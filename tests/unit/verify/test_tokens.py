"""Which access tokens a resource server accepts offline, and which it must not."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from tests.fakes.verifying import AUDIENCE, DETAIL, ISSUER, Desk

from leasehold.keys.compact import encode
from leasehold.keys.file_keys import FileKeys
from leasehold.verify import AccessRefused, Proof, Reason
from leasehold.verify.refusals import Untrusted
from leasehold.verify.signatures import parse_key_set


def test_a_good_token_is_accepted_with_a_receipt(desk):
    desk.pass_time(0.125)
    receipt = desk.check(desk.token())
    assert (receipt.refused, receipt.proof, receipt.sequence, receipt.staleness_ms) == (None, Proof.FEED, 0, 125.0)
    assert (receipt.access.subject, receipt.access.client_id, receipt.access.lease) == ("agent:triage", "triage", "l1")
    assert desk.answers.asked == 0
    assert "claims" not in repr(receipt)


LEASE = "urn:leasehold:lease"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": ISSUER + "/"}, Reason.WRONG_ISSUER),
        ({"iss": None}, Reason.WRONG_ISSUER),
        ({"aud": AUDIENCE + "/"}, Reason.WRONG_AUDIENCE),
        ({"aud": [AUDIENCE, "https://other.example"]}, Reason.WRONG_AUDIENCE),
        ({"aud": f"{ISSUER}/v1"}, Reason.WRONG_AUDIENCE),
        ({"sub": None}, Reason.BAD_CLAIM),
        ({"client_id": 7}, Reason.BAD_CLAIM),
        ({"jti": ""}, Reason.BAD_CLAIM),
        ({"exp": None}, Reason.BAD_CLAIM),
        ({"exp": True}, Reason.BAD_CLAIM),
        ({"iat": "now"}, Reason.BAD_CLAIM),
        ({"exp": 1_000_000_000_000}, Reason.BAD_CLAIM),
        ({LEASE: None}, Reason.BAD_CLAIM),
        ({LEASE: {"id": "l1"}}, Reason.BAD_CLAIM),
        ({LEASE: {"id": "l1", "anc": []}}, Reason.BAD_CLAIM),
        ({LEASE: {"anc": [["registry", 1]]}}, Reason.BAD_CLAIM),
        ({LEASE: {"id": "l1", "anc": [["registry", True]]}}, Reason.BAD_CLAIM),
        ({LEASE: {"id": "l1", "anc": [["registry"]]}}, Reason.BAD_CLAIM),
        ({"cnf": {"x5t#S256": "abc"}}, Reason.UNPROVEN),
        ({"cnf": {"jkt": "thumb"}}, Reason.UNPROVEN),
        ({"cnf": None, "authorization_details": None}, Reason.NOT_ALLOWED),
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(desk, changes, reason):
    assert desk.check(desk.token(**changes)).refused is reason


def test_times_are_looked_at_on_every_use(desk):
    token = desk.token()
    assert desk.check(token).refused is None
    desk.pass_time(299)
    desk.hear(desk.batch(0))
    assert desk.check(token).refused is None
    desk.pass_time(1)
    desk.hear(desk.batch(0))
    assert desk.check(token).refused is Reason.EXPIRED


def test_a_token_from_the_future_is_refused_beyond_the_leeway(desk):
    now = int(desk.wall)
    assert desk.check(desk.token(iat=now + 29, exp=now + 60)).refused is None
    assert desk.check(desk.token(iat=now + 31, exp=now + 60)).refused is Reason.NOT_YET_VALID
    assert desk.check(desk.token(nbf=now + 31)).refused is Reason.NOT_YET_VALID


def test_a_key_bound_token_needs_the_proof_of_that_key(desk):
    token = desk.token(cnf={"jkt": "thumb"})
    assert desk.check(token, proven_key="thumb").refused is None
    assert desk.check(token, proven_key="other").refused is Reason.UNPROVEN


@pytest.mark.parametrize(
    ("tool", "resource", "allowed"),
    [
        ("comment", "repo:web", True),
        ("comment", "repo:website", True),
        ("comment", "repo:api", False),
        ("delete_branch", "repo:web", False),
        ("comment", "", False),
        ("", "repo:web", False),
        ("*", "repo:web", False),
        ("comment", "repo:*", False),
    ],
)
def test_a_token_allows_its_tools_on_its_resources(desk, tool, resource, allowed):
    token = desk.token()
    assert (desk.check(token, tool, resource).refused is None) is allowed
    if not allowed:
        with pytest.raises(AccessRefused) as refused:
            desk.verifier.check(token, tool, resource)
        assert refused.value.error == "insufficient_scope"


@pytest.mark.parametrize(
    "details",
    [
        "mcp_tool",
        [DETAIL | {"type": "other"}],
        [DETAIL | {"locations": ["https://other.example"]}],
        [DETAIL | {"locations": AUDIENCE}],
        [DETAIL | {"unless": "sunday"}],
        [["mcp_tool"]],
    ],
)
def test_a_detail_that_is_not_understood_whole_allows_nothing(desk, details):
    assert desk.check(desk.token(authorization_details=details)).refused is Reason.NOT_ALLOWED


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [({"branch": "main"}, True), ({"branch": "dev"}, False), ({}, False), (None, False), ({"branch": 1}, False)],
)
def test_what_is_bound_to_arguments_is_allowed_with_them_alone(desk, arguments, allowed):
    token = desk.token(authorization_details=[DETAIL | {"constraints": {"branch": {"exact": "main"}}}])
    for _ in range(2):
        assert (desk.check(token, arguments=arguments).refused is None) is allowed


def test_an_operator_that_is_not_known_admits_nothing(desk):
    token = desk.token(authorization_details=[DETAIL | {"constraints": {"branch": {"almost": "main"}}}])
    assert desk.check(token, arguments={"branch": "main"}).refused is Reason.NOT_ALLOWED


@pytest.mark.parametrize("of", ["revocations+jwt", "revocations-snapshot+jwt", "JWT", "", "AT+JWT"])
def test_only_an_access_token_is_an_access_token(desk, of):
    assert desk.check(desk.sign(desk.claims(), of)).refused is Reason.WRONG_TYPE


def test_a_statement_of_the_feed_is_no_access_token_and_the_other_way_round(desk):
    assert desk.check(desk.batch(0)).refused is Reason.WRONG_TYPE
    for read in (desk.statements.batch, desk.statements.snapshot):
        with pytest.raises(Untrusted, match="wrong_type"):
            read(desk.token())
    with pytest.raises(Untrusted, match="wrong_type"):
        desk.statements.batch(desk.snapshot(0, {}))
    with pytest.raises(Untrusted, match="wrong_type"):
        desk.statements.snapshot(desk.batch(0))


def test_a_token_of_another_key_is_refused(desk, tmp_path):
    forger = Desk(FileKeys(tmp_path, datetime.now(UTC)))
    assert desk.check(forger.token()).refused is Reason.UNKNOWN_KEY
    header, claims, _ = desk.token().split(".")
    signature = forger.token().rpartition(".")[2]
    assert desk.check(f"{header}.{claims}.{signature}").refused is Reason.BAD_SIGNATURE


def segment(value):
    return encode(json.dumps(value).encode() if not isinstance(value, bytes) else value).decode()


@pytest.mark.parametrize("alg", ["none", "HS256", "RS256", "ES384", None])
def test_no_other_algorithm_is_taken(desk, alg):
    _, claims, signature = desk.token().split(".")
    header = segment({"alg": alg, "kid": desk.signer.key_id, "typ": "at+jwt"})
    assert desk.check(f"{header}.{claims}.{signature}").refused is Reason.MALFORMED
    assert desk.check(f"{header}.{claims}.").refused is Reason.MALFORMED


@pytest.mark.parametrize("member", ["jku", "jwk", "x5u", "x5c", "crit", "b64", "zip"])
def test_a_header_that_brings_more_is_refused(desk, member):
    _, claims, signature = desk.token().split(".")
    header = segment({"alg": "ES256", "kid": desk.signer.key_id, "typ": "at+jwt", member: "x"})
    assert desk.check(f"{header}.{claims}.{signature}").refused is Reason.MALFORMED


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a",
        "a.b",
        "a.b.c.d",
        "é.b.c",
        "....",
        "e30.e30.e30",
        "x" * 20_000,
        "\ud800.a.b",
        "!!.e30.e30",
        "W10.e30.e30",
    ],
)
def test_what_is_no_token_is_refused(desk, token):
    assert desk.check(token).refused is Reason.MALFORMED


def test_a_signature_has_one_spelling(desk):
    token = desk.token()
    for other in (token + "=", token[:-1] + chr(ord(token[-1]) + 1)):
        assert desk.check(other).refused in {Reason.MALFORMED, Reason.BAD_SIGNATURE}


def test_duplicate_members_are_refused(desk):
    async def sign(payload):
        key_id = desk.signer.key_id
        text = segment({"alg": "ES256", "kid": key_id, "typ": "at+jwt"}) + "." + segment(payload)
        return text + "." + encode(await desk.signer.sign(key_id, text.encode())).decode()

    claims = json.dumps(desk.claims())
    doubled = claims[:-1] + ', "sub": "agent:other"}'
    assert desk.check(asyncio.run(sign(claims.encode()))).refused is None
    assert desk.check(asyncio.run(sign(doubled.encode()))).refused is Reason.MALFORMED
    assert desk.check(asyncio.run(sign(claims.replace("1800000000", "NaN", 1).encode()))).refused is Reason.MALFORMED


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        '{"keys": []}',
        '{"keys": [{"kty": "oct", "k": "AA", "kid": "a"}]}',
        '{"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA", "kid": "a"}]}',
        '{"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "a"}]}',
        '{"keys": [{"kty": "EC", "crv": "P-256", "use": "enc", "x": "AA", "y": "AA", "kid": "a"}]}',
    ],
)
def test_a_key_set_without_a_usable_key_is_none(text):
    with pytest.raises(Untrusted):
        parse_key_set(text)


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        ({"amount": 50}, True),
        ({"amount": 50, "note": "x"}, True),
        ({"amount": 50.01}, False),
        ({"amount": "50"}, False),
        ({"amount": True}, False),
        ({"amount": None}, False),
        ({}, False),
        (None, False),
    ],
)
def test_a_constraint_on_an_argument_holds_for_every_call(desk, arguments, allowed):
    constrained = DETAIL | {"constraints": {"amount": {"range": {"max": 50}}}}
    token = desk.token(authorization_details=[constrained])
    for _ in range(2):  # what was decided once is no answer for other arguments
        if allowed:
            desk.verifier.check(token, "comment", "repo:web", arguments=arguments)
        else:
            with pytest.raises(AccessRefused) as refused:
                desk.verifier.check(token, "comment", "repo:web", arguments=arguments)
            assert refused.value.error == "insufficient_scope"
        desk.verifier.check(token, "comment", "repo:web", arguments={"amount": 1})


def test_a_text_that_ends_as_a_known_token_does_is_another_token(desk):
    good = desk.token(exp=int(desk.wall) + 300)
    assert desk.check(good).refused is None
    header, _, signature = good.split(".")
    wider = desk.token("l2").split(".")[1]

    assert desk.check(f"{header}.{wider}.{signature}").refused is Reason.BAD_SIGNATURE
    for other in (good[-32:], f"x{good}", good[1:], f"{good} ", f"{good[:10]}A{good[11:]}"):
        assert desk.check(other).refused is not None, other
    assert desk.check(good).refused is None
