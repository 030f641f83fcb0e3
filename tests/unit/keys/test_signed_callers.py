"""A signed GetCallerIdentity: forwarded only if it is that request, fresh, for the pinned endpoint and for us."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from leasehold.keys.issuer_keys import IssuerKeys
from leasehold.keys.network import FetchRefused, Network, Reply
from leasehold.keys.signed_callers import BODY, FORM, SERVER_ID, SignedCallers
from leasehold.keys.tokens import SubjectTokens
from leasehold.model.subjects import IssuerType
from leasehold.model.tokens import Flaw, TokenRefused, UnverifiedToken
from leasehold.model.trust import TrustIssuer

STS, US = "https://sts.eu-central-1.amazonaws.com", "https://leasehold.example"
ISSUER = TrustIssuer(type=IssuerType.AWS_STS, issuer=STS, audiences=frozenset({US}))
ANSWER = b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:sts::123456789012:assumed-role/triage/i-1</Arn><UserId>AROAEXAMPLEROLEID1234:i-1</UserId>
<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""


class Endpoint:
    """STS, as far as it is asked here."""

    def __init__(self, status: int = 200, body: bytes = ANSWER) -> None:
        self.reply, self.asked = Reply(status, body), []

    async def post(self, url, post, *, allow_private):
        self.asked.append((url, dict(post.headers), post.body, allow_private))
        if self.reply.status == 0:
            raise FetchRefused("no answer")
        return self.reply


def signed(url=f"{STS}/", body=BODY, method="POST", server=US, **more) -> dict:
    """What an honest client sends, signed by botocore itself."""
    headers = {"host": url.split("/")[2], "content-type": FORM, **({SERVER_ID: server} if server else {}), **more}
    request = AWSRequest(method=method, url=url, data=body, headers=headers)
    SigV4Auth(Credentials("AKIAIOSFODNN7EXAMPLE", "secret", "session"), "sts", "eu-central-1").add_auth(request)
    return {"method": method, "url": url, "headers": dict(request.headers.items()), "body": body}


def encoded(request: object) -> UnverifiedToken:
    raw = json.dumps(request).encode()
    return UnverifiedToken(base64.urlsafe_b64encode(raw).rstrip(b"=").decode())


def verify(request, endpoint=None, now=None, issuer=ISSUER):
    tokens = SubjectTokens(IssuerKeys(Network()), callers=SignedCallers(endpoint or Endpoint()))
    unverified = tokens.read(request if isinstance(request, str) else encoded(request))
    return asyncio.run(tokens.verify(unverified, issuer, None, now or datetime.now(UTC)))


def flaw(request, endpoint=None, **options) -> Flaw:
    endpoint = endpoint or Endpoint()
    with pytest.raises(TokenRefused) as refused:
        verify(request, endpoint, **options)
    return refused.value.flaw


def test_an_honest_request_is_forwarded_as_signed_and_the_answer_believed():
    endpoint = Endpoint()
    request = signed()
    verified = verify(request, endpoint)

    assert dict(verified.claims) == {
        "Account": "123456789012",
        "UserId": "AROAEXAMPLEROLEID1234:i-1",
        "Arn": "arn:aws:sts::123456789012:assumed-role/triage/i-1",
    }
    assert (verified.issuer, verified.audience) == (STS, US)
    ((url, headers, body, private),) = endpoint.asked
    assert (url, body, private) == (f"{STS}/", BODY.encode(), False)
    assert headers["authorization"] == request["headers"]["Authorization"]
    assert headers[SERVER_ID] == US


@pytest.mark.parametrize("where", ["beside", "in a header", "in the body"])
def test_spire_1_14_6_an_identity_beside_the_signed_request_counts_for_nothing(where):
    """Who it is comes out of STS's answer, and nothing that the caller says of itself gets in."""
    endpoint, arn = Endpoint(), "arn:aws:sts::123456789012:assumed-role/admin/i-1"
    request = signed()
    told = {
        "beside": {**request, "Arn": arn},
        "in a header": {**request, "headers": {**request["headers"], "x-arn": arn}},
        "in the body": {**request, "body": f"{BODY}&Arn={arn}"},
    }[where]
    try:
        verified = verify(told, endpoint)
    except TokenRefused:
        assert endpoint.asked == []
    else:
        assert verified.claims["Arn"] == "arn:aws:sts::123456789012:assumed-role/triage/i-1"


def test_one_signature_is_one_use_however_it_is_written():
    request = signed()
    spaced = UnverifiedToken(base64.urlsafe_b64encode(json.dumps(request, indent=1).encode()).rstrip(b"=").decode())

    assert verify(request).digest == verify(spaced).digest


@pytest.mark.parametrize(
    ("why", "request_", "expected"),
    [
        ("another endpoint", signed(url="https://evil.example/"), Flaw.BAD_CLAIM),
        ("another action", signed(body="Action=AssumeRole&Version=2011-06-15"), Flaw.BAD_CLAIM),
        ("one byte more", signed(body=f"{BODY}&"), Flaw.BAD_CLAIM),
        ("a query", signed(url=f"{STS}/?Action=GetCallerIdentity"), Flaw.BAD_CLAIM),
        ("a path", signed(url=f"{STS}/x"), Flaw.BAD_CLAIM),
        ("GET", signed(method="GET"), Flaw.BAD_CLAIM),
        ("for another server", signed(server="https://other.example"), Flaw.WRONG_AUDIENCE),
        ("for no server", signed(server=None), Flaw.HEADER_REFUSED),
        ("a header that steers the connection", signed(**{"transfer-encoding": "chunked"}), Flaw.HEADER_REFUSED),
        ("another host", signed(host="evil.example"), Flaw.WRONG_ISSUER),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_any_other_request_is_refused_before_anybody_is_asked(why, request_, expected):
    endpoint = Endpoint()

    assert flaw(request_, endpoint) is expected, why
    assert endpoint.asked == []


def test_a_server_id_outside_the_signature_is_refused():
    request = signed(server=None)
    request["headers"][SERVER_ID] = US  # added by whoever stole a request for somebody else

    assert flaw(request) is Flaw.HEADER_REFUSED


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer x", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/eu/s3/aws4_request, x"],
)
def test_a_request_signed_otherwise_is_refused(authorization):
    request = signed()
    request["headers"]["Authorization"] = authorization

    assert flaw(request) is Flaw.HEADER_REFUSED


def test_only_a_fresh_signature_counts():
    request, now = signed(), datetime.now(UTC)

    assert flaw(request, now=now + timedelta(minutes=5, seconds=2)) is Flaw.EXPIRED
    assert flaw(request, now=now - timedelta(seconds=32)) is Flaw.NOT_YET_VALID
    assert verify(request, now=now + timedelta(minutes=4)).expires_at <= now + timedelta(minutes=15)


@pytest.mark.parametrize("stamp", ["", "yesterday", "20260231T000000Z", "20200101T000000Z"])
def test_a_date_that_is_none_or_not_that_of_the_credential_is_refused(stamp):
    request = signed()
    request["headers"]["X-Amz-Date"] = stamp

    assert flaw(request) is Flaw.BAD_CLAIM


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (Endpoint(403, b"<Error/>"), Flaw.BAD_SIGNATURE),
        (Endpoint(400, b""), Flaw.BAD_SIGNATURE),
        (Endpoint(302, ANSWER), Flaw.KEYS_UNAVAILABLE),
        (Endpoint(500, ANSWER), Flaw.KEYS_UNAVAILABLE),
        (Endpoint(0), Flaw.KEYS_UNAVAILABLE),
        (Endpoint(200, b""), Flaw.BAD_CLAIM),
        (Endpoint(200, b"<Arn>a</Arn><Account>1</Account>"), Flaw.BAD_CLAIM),
        (Endpoint(200, ANSWER + b"<Account>999999999999</Account>"), Flaw.BAD_CLAIM),
        (Endpoint(200, ANSWER.replace(b"triage", b"&triage;")), Flaw.BAD_CLAIM),
    ],
    ids=lambda value: str(value.reply.status) if isinstance(value, Endpoint) else "",
)
def test_what_sts_does_not_confirm_is_refused(endpoint, expected):
    assert flaw(signed(), endpoint) is expected


@pytest.mark.parametrize(
    "token",
    [
        {},
        [],
        {**signed(), "more": 1},
        {**signed(), "headers": []},
        {**signed(), "headers": {"Host": "a", "host": "b"}},
        {**signed(), "headers": {"host": 1}},
        {**signed(), "body": None},
        {**signed(), "url": "a\r\nb"},
        "=",
        "{}",
        "é",
        "A" * 20_000,
    ],
    ids=lambda token: repr(token)[:40],
)
def test_what_is_no_request_is_refused(token):
    assert flaw(token) in {Flaw.MALFORMED, Flaw.TOO_LARGE}


def test_a_signed_request_proves_nothing_to_another_kind_of_issuer():
    oidc = TrustIssuer(type=IssuerType.OIDC, issuer=STS, audiences=frozenset({US}))

    assert flaw(signed(), issuer=oidc) is Flaw.MALFORMED


def test_a_jwt_proves_nothing_to_sts():
    header = base64.urlsafe_b64encode(b'{"alg":"RS256"}').rstrip(b"=").decode()
    claims = base64.urlsafe_b64encode(json.dumps({"iss": STS}).encode()).rstrip(b"=").decode()

    assert flaw(f"{header}.{claims}.AA") is Flaw.MALFORMED
