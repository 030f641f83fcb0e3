"""The issuer over HTTP: its keys, its word on one token, and the credential that asks for both."""

from datetime import UTC, datetime

import httpx
import orjson
import pytest
from tests.fakes.verifying import ISSUER

from leasehold.keys.file_keys import FileKeys
from leasehold.keys.signing import jwk_set
from leasehold.verify import Reason, ResourceServer
from leasehold.verify.access import AccessToken
from leasehold.verify.credential import WorkloadCredential
from leasehold.verify.issuer import FRESH_SECONDS, STALE_SECONDS, Introspection, IssuerKeys
from leasehold.verify.refusals import Untrusted


class Issuer:
    """An issuer that answers as the test says, and counts how often it is asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []
        self.now = 0.0
        self.client = httpx.Client(transport=httpx.MockTransport(self.answer))

    def answer(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def keys(self):
        return IssuerKeys(ISSUER, self.client, lambda: self.now)


AWAY = httpx.ConnectError("refused")


def published(signer):
    return httpx.Response(200, content=orjson.dumps(jwk_set(signer.published())))


def test_keys_are_fetched_once_and_again_after_ten_minutes(signer):
    issuer = Issuer(published(signer))
    keys = issuer.keys()
    for _ in range(5):
        assert keys.find(signer.key_id)
    issuer.now += FRESH_SECONDS + 1
    assert keys.find(signer.key_id)
    assert [str(request.url) for request in issuer.requests] == [f"{ISSUER}/.well-known/jwks.json"] * 2


def test_a_flood_of_unknown_keys_costs_one_fetch_per_cool_down(signer):
    issuer = Issuer(published(signer))
    keys = issuer.keys()
    keys.find(signer.key_id)
    for number in range(100):
        issuer.now += 0.2
        with pytest.raises(Untrusted, match="unknown_key"):
            keys.find(f"junk{number}")
    assert len(issuer.requests) == 1
    issuer.now += 30
    with pytest.raises(Untrusted):
        keys.find("junk")
    assert len(issuer.requests) == 2


def test_a_rotated_key_is_found_after_the_cool_down(signer, tmp_path):
    rotated = FileKeys(tmp_path, datetime.now(UTC))
    issuer = Issuer(published(signer), published(rotated))
    keys = issuer.keys()
    keys.find(signer.key_id)
    issuer.now += 31
    assert keys.find(rotated.key_id)
    with pytest.raises(Untrusted):
        keys.find(signer.key_id)  # taken back by the issuer


@pytest.mark.parametrize(
    "broken",
    [AWAY, httpx.Response(500), httpx.Response(302, headers={"location": "https://evil.example"})]
    + [httpx.Response(200, content=content) for content in (b"", b"[]", b"{}", b'{"keys": []}', b"x" * 70_000)],
)
def test_what_is_known_serves_for_an_hour_where_the_issuer_does_not_answer(signer, broken):
    issuer = Issuer(published(signer), broken)
    keys = issuer.keys()
    keys.find(signer.key_id)
    issuer.now += STALE_SECONDS
    assert keys.find(signer.key_id)
    issuer.now += 1
    with pytest.raises(Untrusted, match="unknown_key"):
        keys.find(signer.key_id)


ACCESS = AccessToken(
    subject="agent:triage",
    client_id="triage",
    audience="https://github-mcp.example/mcp",
    token_id="l1",
    lease="l1",
    issued_at=0.0,
    expires_at=300.0,
    ancestors=(),
    key_thumbprint=None,
    claims={},
)


def asked(answer):
    return Introspection(ISSUER, Issuer(answer).client, lambda: "bearer").is_active("token", ACCESS)


def test_the_issuers_word_counts_for_the_very_token():
    assert asked(httpx.Response(200, json={"active": True, "jti": "l1"}))
    assert not asked(httpx.Response(200, json={"active": True, "jti": "l2"}))
    assert not asked(httpx.Response(200, json={"active": True}))
    assert not asked(httpx.Response(200, json={"active": False}))


@pytest.mark.parametrize(
    "answer",
    [AWAY, httpx.ReadTimeout("slow"), httpx.Response(401), httpx.Response(503), httpx.Response(302)]
    + [httpx.Response(200, content=content) for content in (b"", b"true", b"[]", b"{}", b'{"active": "true"}')],
)
def test_no_word_is_no_yes(answer):
    with pytest.raises(Untrusted) as refused:
        asked(answer)
    assert refused.value.reason is Reason.NOT_KNOWN_ALIVE


def test_a_bearer_that_cannot_be_had_is_no_yes():
    def away():
        raise AWAY

    with pytest.raises(Untrusted, match="not_known_alive"):
        Introspection(ISSUER, Issuer(httpx.Response(200)).client, away).is_active("token", ACCESS)


def test_a_credential_is_exchanged_again_before_it_ends_and_never_shown(tmp_path):
    file = tmp_path / "token"
    file.write_text("subject-one\n")
    answers = [httpx.Response(200, json={"access_token": f"secret-{n}", "expires_in": 300}) for n in range(2)]
    issuer = Issuer(*answers)
    credential = WorkloadCredential(ISSUER, file, issuer.client, monotonic=lambda: issuer.now)
    assert [credential(), credential()] == ["secret-0", "secret-0"]
    assert b"subject_token=subject-one&" in issuer.requests[0].content
    file.write_text("subject-two")
    issuer.now += 240
    assert credential() == "secret-1"
    assert b"subject_token=subject-two&" in issuer.requests[1].content
    assert len(issuer.requests) == 2
    assert "secret" not in repr(credential)
    assert "subject" not in repr(credential)


@pytest.mark.parametrize("answer", [AWAY, httpx.Response(400, json={}), httpx.Response(200, json={"access_token": 1})])
def test_a_credential_that_is_refused_says_so(tmp_path, answer):
    file = tmp_path / "token"
    file.write_text("subject")
    with pytest.raises((httpx.HTTPError, ValueError)):
        WorkloadCredential(ISSUER, file, Issuer(answer).client)()


@pytest.mark.parametrize("issuer", ["http://leasehold.example", "ftp://x", "leasehold.example", "http://10.0.0.1"])
def test_an_issuer_in_the_clear_is_refused(issuer, tmp_path):
    with pytest.raises(ValueError, match="https"):
        ResourceServer(issuer=issuer, audience="https://x.example", credential=tmp_path)
