"""TokenReview: the cluster is asked, with our own credential, and whatever it does not confirm is refused."""

import asyncio
import json
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from tests.fakes.simulated_issuer import SigningKey, SimulatedIssuer

from leasehold.authn.subjects import profile_of
from leasehold.keys.issuer_keys import IssuerKeys
from leasehold.keys.network import FetchRefused, Network, Reply
from leasehold.keys.token_review import KEPT_SECONDS, Reviewer, TokenReviews
from leasehold.keys.tokens import SubjectTokens
from leasehold.model.subjects import IssuerType
from leasehold.model.tokens import Flaw, TokenRefused, UnverifiedToken
from leasehold.model.trust import TrustIssuer, Verification

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = SigningKey.new()
CLUSTER = SimulatedIssuer.of("kubernetes", clock=lambda: NOW, keys=[KEY])
ISSUER = TrustIssuer(
    type=IssuerType.KUBERNETES,
    issuer=CLUSTER.url,
    audiences=frozenset({CLUSTER.audience}),
    verify=Verification.TOKEN_REVIEW,
    api_server="https://10.0.0.1:6443",
    credential="prod",
    allow_private=True,
)


def confirmed(**changes) -> dict:
    """What a real 1.20 API server answers for the vector's token."""
    private = CLUSTER.claims()["kubernetes.io"]
    user = {
        "username": "system:serviceaccount:shop:triage",
        "uid": private["serviceaccount"]["uid"],
        "groups": ["system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"],
        "extra": {
            "authentication.kubernetes.io/pod-name": [private["pod"]["name"]],
            "authentication.kubernetes.io/pod-uid": [private["pod"]["uid"]],
        },
    }
    status = {"authenticated": True, "user": user, "audiences": [CLUSTER.audience]}
    return {"kind": "TokenReview", "status": {**status, **changes}}


class ApiServer:
    """Answers what a test wants, and remembers what it was asked."""

    def __init__(self, answer: object = None, status: int = 201) -> None:
        self.status, self.asked = status, []
        self.body = answer if isinstance(answer, bytes) else json.dumps(answer or confirmed()).encode()

    async def post(self, url, post, *, allow_private):
        self.asked.append((url, dict(post.headers), json.loads(post.body), post.trust, allow_private))
        if self.status == 0:
            raise FetchRefused("no answer")
        return Reply(self.status, self.body)


@pytest.fixture
def folder(tmp_path):
    """The operator's files: our token and the cluster's authority."""
    (tmp_path / "prod.token").write_text("our-own-secret\n")
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cluster-ca")])
    builder = x509.CertificateBuilder(name, name, KEY.private.public_key(), 1, NOW, NOW + timedelta(days=3650))
    certificate = builder.sign(KEY.private, hashes.SHA256())
    (tmp_path / "prod.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return tmp_path


class Asker:
    """A verifier that asks one API server; the time is in the test's hands."""

    def __init__(self, folder, server: ApiServer) -> None:
        self.now = 0.0
        reviews = TokenReviews(server, Reviewer(folder=folder), clock=lambda: self.now)
        self.tokens = SubjectTokens(IssuerKeys(Network()), reviews=reviews)

    def verify(self, token: str | None = None):
        unverified = self.tokens.read(UnverifiedToken(token or CLUSTER.altered({})))
        return asyncio.run(self.tokens.verify(unverified, ISSUER, profile_of(ISSUER), NOW))

    def flaw(self, token: str | None = None) -> Flaw:
        with pytest.raises(TokenRefused) as refused:
            self.verify(token)
        return refused.value.flaw


def test_the_cluster_is_asked_for_this_audience_with_our_own_credential(folder):
    server = ApiServer()
    token = CLUSTER.altered({})
    verified = Asker(folder, server).verify(token)

    assert verified.subject == "system:serviceaccount:shop:triage"
    ((url, headers, question, trust, private),) = server.asked
    assert url == "https://10.0.0.1:6443/apis/authentication.k8s.io/v1/tokenreviews"
    assert headers["authorization"] == "Bearer our-own-secret"
    assert question["spec"] == {"token": token, "audiences": [CLUSTER.audience]}
    assert trust.verify_mode is ssl.CERT_REQUIRED
    assert len(trust.get_ca_certs()) <= 1  # the cluster's authority and no other
    assert private


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"authenticated": False}, Flaw.BAD_SIGNATURE),
        ({"authenticated": "true"}, Flaw.BAD_SIGNATURE),
        ({"authenticated": None}, Flaw.BAD_SIGNATURE),
        ({"error": "token has been invalidated"}, Flaw.BAD_SIGNATURE),
        ({"audiences": None}, Flaw.WRONG_AUDIENCE),
        ({"audiences": []}, Flaw.WRONG_AUDIENCE),
        ({"audiences": ["https://kubernetes.default.svc"]}, Flaw.WRONG_AUDIENCE),
        ({"user": None}, Flaw.BAD_CLAIM),
        ({"user": {**confirmed()["status"]["user"], "username": "admin"}}, Flaw.BAD_CLAIM),
        ({"user": {**confirmed()["status"]["user"], "uid": "another"}}, Flaw.BAD_CLAIM),
        ({"user": {**confirmed()["status"]["user"], "extra": {}}}, Flaw.BAD_CLAIM),
        ({"user": {**confirmed()["status"]["user"], "extra": None}}, Flaw.BAD_CLAIM),
    ],
    ids=repr,
)
def test_what_the_cluster_does_not_confirm_is_refused(folder, changes, expected):
    assert Asker(folder, ApiServer(confirmed(**changes))).flaw() is expected


@pytest.mark.parametrize(
    "server",
    [
        *(ApiServer(status=status) for status in (0, 401, 500)),
        *(ApiServer(body) for body in (b"<html>", b"[]", b'{"status":[]}', b"[" * 9_000)),
    ],
)
def test_no_answer_is_a_no(folder, server):
    assert Asker(folder, server).flaw() is Flaw.KEYS_UNAVAILABLE


@pytest.mark.parametrize("missing", ["prod.token", "prod.crt"])
def test_without_our_credential_nothing_is_asked_and_nothing_accepted(folder, missing):
    server = ApiServer()
    (folder / missing).unlink()

    assert Asker(folder, server).flaw() is Flaw.KEYS_UNAVAILABLE
    assert server.asked == []


def test_a_registry_that_can_ask_nobody_refuses(folder):
    asker = Asker(folder, ApiServer())
    asker.tokens = SubjectTokens(IssuerKeys(Network()))

    assert asker.flaw() is Flaw.KEYS_UNAVAILABLE


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"aud": ["https://other.example"]}, Flaw.WRONG_AUDIENCE),
        ({"exp": 1}, Flaw.EXPIRED),
        ({"exp": None}, Flaw.MISSING_CLAIM),
        ({"exp": int(NOW.timestamp()) + 31_536_000}, Flaw.TOO_LONG_LIVED),
    ],
)
def test_nobody_is_asked_about_a_token_that_is_wrong_anyway(folder, changes, expected):
    server = ApiServer()

    assert Asker(folder, server).flaw(CLUSTER.altered(changes)) is expected
    assert server.asked == []


def test_a_yes_is_kept_for_a_second_and_a_no_never(folder):
    server = ApiServer()
    asker, token = Asker(folder, server), CLUSTER.altered({})
    asker.verify(token)
    asker.verify(token)
    assert len(server.asked) == 1

    server.body = json.dumps(confirmed(authenticated=False)).encode()  # the pod is deleted
    asker.now += KEPT_SECONDS
    assert asker.flaw(token) is Flaw.BAD_SIGNATURE
    assert asker.flaw(token) is Flaw.BAD_SIGNATURE
    assert len(server.asked) == 3


def test_another_token_is_another_question(folder):
    server = ApiServer()
    asker = Asker(folder, server)
    asker.verify(CLUSTER.altered({}))
    asker.verify(CLUSTER.altered({"jti": "another"}))

    assert len(server.asked) == 2


def test_our_credential_is_in_no_repr(folder):
    assert "our-own-secret" not in repr(Reviewer(folder=folder))
    assert "our-own-secret" not in repr(TokenReviews(ApiServer(), Reviewer(folder=folder))._post("prod", b""))
