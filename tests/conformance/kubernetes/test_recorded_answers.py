"""What a real API server answered is what we read, and what the emulator of the quick tests says.

`tests/vectors/kubernetes.json` was recorded from a real server; `make test-kubernetes` compares it with one again.
"""

import asyncio
import json
import ssl
from contextlib import aclosing
from datetime import UTC, datetime

import httpx
import pytest
from tests.fakes.api_server import CREDENTIAL, emulated_api_server
from tests.fakes.kube_apiserver import VARIABLE, binaries, kube_apiserver
from tests.fakes.kubernetes_recording import AUDIENCE, VECTORS, record, token_parts
from tests.fakes.simulated_issuer import SigningKey, SimulatedIssuer

from leasehold.authn.kubernetes import identify
from leasehold.authn.subjects import profile_of
from leasehold.keys.api_server import ApiServers
from leasehold.keys.issuer_keys import IssuerKeys
from leasehold.keys.network import Network, Reply
from leasehold.keys.token_review import TokenReviews
from leasehold.keys.tokens import SubjectTokens
from leasehold.model.subjects import IssuerType
from leasehold.model.tokens import Flaw, TokenRefused, UnverifiedToken
from leasehold.model.trust import TrustIssuer, Verification
from leasehold.model.workloads import ClusterForgot, Listing, WorkloadKind

RECORDED = json.loads(VECTORS.read_text())
POD = RECORDED["token"]["claims"]["kubernetes.io"]["pod"]["uid"]
ISSUER = TrustIssuer(
    type=IssuerType.KUBERNETES,
    issuer="https://kubernetes.default.svc",
    audiences=frozenset({AUDIENCE}),
    verify=Verification.TOKEN_REVIEW,
    api_server="https://10.0.0.1:6443",
    credential="prod",
)
PODS = WorkloadKind.PODS
NO_SERVER = (
    f"no real kube-apiserver here: {VARIABLE} names none. `make test-kubernetes` builds one from Debian's source "
    "(five minutes, 2 GB) and asks it again; without it, the answers recorded of one are what the emulator is held to"
)
# Who wrote which field, and what an error is about: told by real servers, read by nobody here.
UNREAD = {"managedFields", "details", "annotations"}


class Credential:
    """Our credential, whatever it is."""

    def headers(self, _name):
        return {"authorization": "Bearer x"}

    def trust(self, _name):
        return ssl.create_default_context()


class Replayed:
    """A network over which the recorded answers come."""

    def __init__(self, answer) -> None:
        self.answer = answer

    async def read(self, _url, _get, **_):
        return Reply(200, json.dumps(self.answer).encode())

    async def post(self, _url, _post, **_):
        return Reply(201, json.dumps(self.answer).encode())

    async def lines(self, _url, _get, **_):
        for line in self.answer:
            yield json.dumps(line).encode()


def clusters(answer) -> ApiServers:
    return ApiServers(Replayed(answer), Credential())


def watched(answer):
    async def whole():
        async with aclosing(clusters(answer).watch(ISSUER, PODS, "1")) as watch:
            return [(one.uid, one.present) async for one in watch]

    return asyncio.run(whole())


def test_recorded_lists_are_read():
    version = RECORDED["list"]["metadata"]["resourceVersion"]
    assert asyncio.run(clusters(RECORDED["list"]).list(ISSUER, PODS)) == Listing(frozenset({POD}), version)
    assert RECORDED["empty_list"]["items"] is None  # not a list without members
    empty = RECORDED["empty_list"]["metadata"]["resourceVersion"]
    assert asyncio.run(clusters(RECORDED["empty_list"]).list(ISSUER, PODS)) == Listing(frozenset(), empty)


def test_recorded_events_are_read():
    kinds = [event["type"] for event in RECORDED["watch"]]
    assert kinds[:3] == ["ADDED", "MODIFIED", "MODIFIED"]
    assert {"DELETED", "BOOKMARK"} <= set(kinds)
    objects = [one for one in watched(RECORDED["watch"]) if one[0] == POD]
    assert objects[:3] == [(POD, True), (POD, True), (POD, False)]
    assert {there for _, there in objects[3:]} == {False}


def test_the_recorded_end_of_a_version_is_read():
    with pytest.raises(ClusterForgot):
        watched(RECORDED["watch_expired"])


def reviewed(answer):
    key = SigningKey.new()
    at = datetime.fromtimestamp(RECORDED["token"]["claims"]["iat"], UTC)
    signer = SimulatedIssuer.kubernetes(keys=[key])
    tokens = SubjectTokens(IssuerKeys(Network()), reviews=TokenReviews(Replayed(answer), Credential()))
    unverified = tokens.read(UnverifiedToken(signer.sign(RECORDED["token"]["claims"])))
    return asyncio.run(tokens.verify(unverified, ISSUER, profile_of(ISSUER), at))


def test_a_recorded_review_of_the_recorded_token_is_believed():
    identity = identify(reviewed(RECORDED["token_review"]["accepted"]))
    assert (identity.namespace, identity.service_account, identity.pod_uid) == ("shop", "triage", POD)


@pytest.mark.parametrize("answer", ["other_audience", "not_a_token"])
def test_a_recorded_refusal_is_believed_too(answer):
    with pytest.raises(TokenRefused) as refused:
        reviewed(RECORDED["token_review"][answer])
    assert refused.value.flaw is Flaw.BAD_SIGNATURE


def test_keys_and_discovery_are_where_a_real_server_hides_them():
    assert RECORDED["discovery_for_anonymous"]["status"] == 403
    assert not RECORDED["discovery"]["jwks_uri"].startswith(RECORDED["discovery"]["issuer"])
    simulated = SimulatedIssuer.kubernetes()
    assert shape(simulated.discovery()) == shape(RECORDED["discovery"])
    assert shape(json.loads(simulated.jwks())) == shape(RECORDED["jwks"])


# The emulator.


def shape(value):
    """What a document is made of: its members, and the types of what is in them."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items() if name not in UNREAD}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


@pytest.fixture
def emulated(tmp_path):
    with emulated_api_server(tmp_path) as server:
        server.create(WorkloadKind.SERVICE_ACCOUNTS, "triage")
        yield server


def ask(server, path, token=CREDENTIAL, **options):
    trust = ssl.create_default_context(cadata=server.authority.pem)
    with httpx.Client(verify=trust, trust_env=False, headers={"authorization": f"Bearer {token}"}) as client:
        return client.request(options.pop("method", "GET"), server.url + path, **options)


def events(server, version, seconds=0.5):
    query = f"watch=1&timeoutSeconds={seconds}&resourceVersion={version}"
    return [json.loads(line) for line in ask(server, f"/api/v1/pods?{query}").text.splitlines()]


def test_emulated_lists_have_the_recorded_shape(emulated):
    assert shape(ask(emulated, "/api/v1/pods").json()) == shape(RECORDED["empty_list"])
    emulated.create(PODS, "triage-1")
    assert shape(ask(emulated, "/api/v1/pods").json()) == shape(RECORDED["list"])


def test_emulated_events_have_the_recorded_shape(emulated):
    emulated.create(PODS, "triage-1")
    emulated.touch(PODS, "triage-1")
    emulated.begin_deletion(PODS, "triage-1")
    emulated.delete(PODS, "triage-1")
    told = [(event["type"], shape(event)) for event in events(emulated, 100)]
    recorded = [(event["type"], shape(event)) for event in RECORDED["watch"]]
    assert [kind for kind, _ in told] == ["ADDED", "MODIFIED", "MODIFIED", "DELETED", "BOOKMARK"]
    assert [one for one in told if one not in recorded] == []


def test_an_emulated_watch_of_a_forgotten_version_has_the_recorded_shape(emulated):
    emulated.forget()
    (expired,) = events(emulated, 1)
    assert shape(expired) == shape(RECORDED["watch_expired"][0])
    assert expired["object"]["code"] == RECORDED["watch_expired"][0]["object"]["code"] == 410


def test_an_emulated_refusal_has_the_recorded_shape(emulated):
    answer = ask(emulated, "/api/v1/pods", token="nobody")
    assert answer.status_code == 401
    assert answer.json() == RECORDED["unauthorized"]


def test_emulated_reviews_have_the_recorded_shape(emulated):
    emulated.create(PODS, "triage-1")
    token = emulated.pod_token("triage-1", "triage", AUDIENCE)
    question = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}

    def answer(audience, presented=token):
        spec = {"token": presented, "audiences": [audience]}
        place = "/apis/authentication.k8s.io/v1/tokenreviews"
        return ask(emulated, place, method="POST", json={**question, "spec": spec}).json()

    recorded = RECORDED["token_review"]
    assert shape(answer(AUDIENCE)) == shape(recorded["accepted"])
    assert shape(answer("https://other.example")) == shape(recorded["other_audience"])
    assert shape(answer(AUDIENCE, token[:-8] + "AAAAAAAA")) == shape(recorded["not_a_token"])


def test_emulated_tokens_say_what_recorded_ones_do_and_what_later_versions_add(emulated):
    emulated.create(PODS, "triage-1")
    parts = token_parts(emulated.pod_token("triage-1", "triage", AUDIENCE))
    assert shape(parts["header"]) == shape(RECORDED["token"]["header"])
    added = {"jti", "node"}  # from 1.29 on
    assert _without(shape(parts["claims"]), added) == shape(RECORDED["token"]["claims"])


def _without(found, names):
    inner = {name: _without(one, names) if isinstance(one, dict) else one for name, one in found.items()}
    return {name: one for name, one in inner.items() if name not in names}


@pytest.mark.skipif(binaries() is None, reason=NO_SERVER)
def test_a_real_server_still_answers_so(tmp_path):
    with kube_apiserver(tmp_path) as server:
        found = record(server, tmp_path)
    for name in RECORDED.keys() - {"watch"}:
        assert shape(found[name]) == shape(RECORDED[name]), name
    told, recorded = ({json.dumps(shape(one), sort_keys=True) for one in of["watch"]} for of in (found, RECORDED))
    assert told == recorded
