"""`/v1/connections`: own ones of people, shared ones of the organisation, and nobody else's."""

import json

import pytest
from tests.fakes.broker_world import ALICE, BOB
from tests.fakes.certificates import self_signed_pair
from tests.fakes.exchange_world import ISSUER

from leasehold.model.connections import ConnectionKind, NotConnected, Personal
from leasehold.model.principal import Role
from leasehold.model.trust import OidcSubject
from leasehold.model.upstream import ApiKeyUpstream, AwsSigV4Upstream, UpstreamAuth

KEY = {"api_key": {"key": "ghp_canary"}}
API_KEY = UpstreamAuth(api_key=ApiKeyUpstream(header="X-Api-Key", prefix=""))
EVERY = [
    ("GET", "/v1/connections", None),
    ("POST", "/v1/connections/github", KEY),
    ("POST", "/v1/connections/0123:promote", {"agent": "triage", "justification": "x"}),
    ("POST", "/v1/connections/0123:demote", {"agent": "triage"}),
    ("POST", "/v1/connections:rotate-keys", None),
    ("DELETE", "/v1/connections/0123", None),
]


def as_role(world, role, **limits):
    world.world.bind("alice", trust_issuer="people", role=role, oidc=OidcSubject(subject="00u1alice"), **limits)
    return world.world.registry_token()


@pytest.mark.parametrize(("method", "path", "body"), EVERY)
def test_anonymous_callers_learn_nothing(world, method, path, body):
    reply = world.world.call(method, path, json.dumps(body).encode(), {"content-type": "application/json"})
    assert (reply.status, reply.json["code"]) == (401, "unauthenticated")
    assert "www-authenticate" in reply.headers


@pytest.mark.parametrize(("method", "path", "body"), EVERY)
@pytest.mark.parametrize(
    ("role", "limits"),
    [
        (Role.VIEWER, {}),
        (Role.DEVELOPER, {"teams": frozenset({"shop"})}),
        (Role.APPROVER, {}),
        (Role.ENFORCER, {}),
    ],
)
def test_other_roles_may_nothing(world, method, path, body, role, limits):
    assert world.send(method, path, as_role(world, role, **limits), body).status == 403


@pytest.mark.parametrize(("method", "path", "body"), EVERY[1:])
def test_who_is_limited_to_a_stack_sees_and_changes_nothing(world, method, path, body):
    limited = as_role(world, Role.SECURITY_ADMIN, stack="shop-prod")
    assert world.send("GET", "/v1/connections", limited).status == 200
    assert world.send(method, path, limited, body).status == 403


def test_an_auditor_sees_and_changes_nothing(world):
    world.connect()
    auditor = as_role(world, Role.AUDITOR)
    assert [one["user"] for one in world.send("GET", "/v1/connections", auditor).json["items"]] == [ALICE]
    assert world.send("POST", "/v1/connections/github", auditor, {"oauth": {}}).status == 403


def test_a_person_sees_their_own_and_nobody_elses(world):
    world.connect("00u1alice")
    world.connect("00u2bob")
    shown = world.send("GET", "/v1/connections", world.identity("00u2bob")).json["items"]
    assert [one["user"] for one in shown] == [BOB]
    assert shown[0]["state"] == "connected"


def test_a_person_brings_a_key_and_is_never_shown_it_again(world):
    world.declare("github", API_KEY)
    added = world.send("POST", "/v1/connections/github", world.identity("00u2bob"), KEY)
    assert added.status == 201
    assert added.headers["cache-control"] == "no-store"
    listed = world.administer("GET", "/v1/connections")
    assert b"ghp_canary" not in added.body + listed.body
    assert dict(world.authorize(BOB).headers) == {"X-Api-Key": "ghp_canary"}
    assert isinstance(world.authorize(ALICE), NotConnected)


def test_a_person_shares_nothing_and_promotes_nothing(world):
    world.declare("github", API_KEY)
    bob = world.identity("00u2bob")
    assert world.send("POST", "/v1/connections/github", bob, {**KEY, "shared": "default"}).status == 403
    mine = world.send("POST", "/v1/connections/github", bob, KEY).json["id"]
    body = {"agent": "triage", "justification": "mine"}
    assert world.send("POST", f"/v1/connections/{mine}:promote", bob, body).status == 403


def test_a_personal_connection_is_promoted_for_nobody(world):
    world.connect()
    with world.store.read() as unit:
        one = unit.connections.list(limit=1, holder=Personal(ALICE))[0]
    assert world.promote(one.id).status == 404


def test_a_person_ends_their_own_and_not_another_persons(world):
    world.connect("00u1alice")
    one = world.administer("GET", "/v1/connections").json["items"][0]["id"]
    foreign = world.send("DELETE", f"/v1/connections/{one}", world.identity("00u2bob"))
    unknown = world.send("DELETE", "/v1/connections/0123", world.identity("00u2bob"))
    assert (foreign.status, unknown.status) == (404, 404)
    assert world.authorize(ALICE).kind is ConnectionKind.PERSONAL
    assert world.send("DELETE", f"/v1/connections/{one}", world.identity("00u1alice")).status == 204
    assert isinstance(world.authorize(ALICE), NotConnected)


def test_an_administrator_ends_anybodys(world):
    world.connect("00u2bob")
    one = world.administer("GET", "/v1/connections").json["items"][0]["id"]
    assert world.administer("DELETE", f"/v1/connections/{one}").status == 204
    assert isinstance(world.authorize(BOB), NotConnected)
    assert world.administer("DELETE", f"/v1/connections/{one}").status == 404


def test_a_promotion_needs_a_reason_and_an_agent_that_is_one(world):
    shared = world.share()
    assert world.promote(shared, why="  ").status == 422
    assert world.promote(shared, why="x\u202e").status == 422
    assert world.promote(shared, agent="nobody").status == 422
    assert world.promote("0123").status == 404
    promoted = world.promote(shared)
    assert promoted.status == 200
    event = next(event for event in world.events() if event.action == "promote")
    assert event.principal == promoted.json["promoted_by"]
    assert (event.reason, event.detail["agent"]) == ("it needs it every night", "triage")


def test_a_promotion_is_taken_back(world):
    shared = world.share()
    world.promote(shared)
    assert world.authorize(None).kind is ConnectionKind.SHARED
    body = {"agent": "triage"}
    assert world.administer("POST", f"/v1/connections/{shared}:demote", body).status == 204
    assert isinstance(world.authorize(None), NotConnected)
    assert world.administer("POST", f"/v1/connections/{shared}:demote", body).status == 404


def test_what_is_shared_and_ended_is_promoted_for_nobody(world):
    shared = world.share()
    world.promote(shared)
    assert world.administer("DELETE", f"/v1/connections/{shared}").status == 204
    world.share()
    assert isinstance(world.authorize(None), NotConnected)


def test_each_method_is_brought_and_goes_out_as_it_is_wanted(world):
    certificate, key = self_signed_pair()
    body = {"basic": {"username": "bot", "password": "pä:ss"}}
    for auth, brought in (
        (UpstreamAuth(basic=True), body),
        (UpstreamAuth(mtls=True), {"mtls": {"certificate": certificate, "key": key}}),
        (
            UpstreamAuth(aws_sigv4=AwsSigV4Upstream(region="eu-central-1", service="execute-api")),
            {"aws_sigv4": {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalr"}},
        ),
    ):
        world.declare("github", auth)
        assert world.send("POST", "/v1/connections/github", world.identity("00u2bob"), brought).status == 201
        answer = world.authorize(BOB)
        if auth.mtls:
            assert (answer.headers, answer.client_certificate.key) == ((), key)
        elif auth.basic:
            assert dict(answer.headers)["Authorization"] == "Basic Ym90OnDDpDpzcw=="
        else:
            assert dict(answer.headers)["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/2026")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ""),
        ({**KEY, "oauth": {}}, ""),
        ({"api_key": {"key": "a b"}}, "api_key"),
        ({"api_key": {"key": "canary\r\nHost: evil"}}, "api_key"),
        ({"api_key": {"key": ""}}, "api_key"),
        ({"basic": {"username": "a:canary", "password": "x"}}, "basic"),
        ({"basic": {"username": "canary", "password": "x"}}, ""),
        ({"mtls": {"certificate": "canary", "key": "canary"}}, "mtls"),
        ({**KEY, "what": "canary"}, "what"),
    ],
)
def test_what_is_brought_wrong_is_refused_and_repeated_by_nobody(world, body, path):
    world.declare("github", UpstreamAuth(mtls=True) if "mtls" in body else API_KEY)
    reply = world.send("POST", "/v1/connections/github", world.identity("00u2bob"), body)
    assert reply.status == 422
    assert reply.json["errors"][0]["path"].startswith(path)
    assert b"canary" not in reply.body


def test_a_key_that_is_not_the_certificates_is_refused(world):
    world.declare("github", UpstreamAuth(mtls=True))
    (certificate, _), (_, other) = self_signed_pair(), self_signed_pair()
    brought = {"mtls": {"certificate": certificate, "key": other}}
    assert world.send("POST", "/v1/connections/github", world.identity("00u2bob"), brought).status == 422


def test_where_nothing_is_to_be_connected_nothing_is_taken(world):
    bob = world.identity("00u2bob")
    assert world.send("POST", "/v1/connections/jira", bob, KEY).status == 404
    assert world.send("POST", "/v1/connections/nothing", bob, KEY).status == 404
    assert world.send("POST", "/v1/connections/jira", bob, {"oauth": {}}).status == 422
    world.declare("jira", UpstreamAuth(api_key=ApiKeyUpstream(), personal=False))
    assert world.send("POST", "/v1/connections/jira", bob, KEY).status == 422


def test_a_person_who_asks_for_oauth_is_told_where_to_go(world):
    reply = world.send("POST", "/v1/connections/github", world.identity("00u2bob"), {"oauth": {}})
    assert (reply.status, reply.json) == (202, {"connect_url": f"{ISSUER}/connect/github"})


def test_pages_follow_each_other(world):
    for subject in ("00u1alice", "00u2bob"):
        world.connect(subject)
    first = world.administer("GET", "/v1/connections?limit=1").json
    second = world.administer("GET", f"/v1/connections?limit=1&cursor={first['next_cursor']}").json
    assert {one["user"] for one in first["items"] + second["items"]} == {ALICE, BOB}
    assert second["next_cursor"] is None


@pytest.mark.parametrize("path", ["/v1/connections?limit=0", "/v1/connections?x=1", "/v1/connections?limit=1&limit=2"])
def test_a_query_that_is_not_understood_is_refused(world, path):
    assert world.administer("GET", path).status == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("PUT", "/v1/connections", 405), ("GET", "/v1/connections/github", 405), ("POST", "/v1/connections/a/b", 404)],
)
def test_nothing_is_beside_the_doors(world, method, path, status):
    assert world.administer(method, path).status == status


def test_an_agent_with_a_token_of_its_own_sees_nothing(world):
    token = world.world.get(world.world.pod_token()).access_token
    assert world.send("GET", "/v1/connections", token).status == 401
