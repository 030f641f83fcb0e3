"""Streams as receivers manage them: who may, what is refused, and what nobody else sees."""

import pytest
from tests.fakes.exchange_world import REGISTRY_AUDIENCE
from tests.fakes.signal_world import ENDPOINT

from leasehold.model.leases import (
    MANY_POLICIES,
    POLICIES,
    REGISTRY,
    agent_node,
    binding_node,
    client_node,
    consent_node,
    deployment_node,
    issuer_node,
    lease_node,
    owner_node,
    policies_node,
    policy_node,
    profile_node,
    task_node,
    user_node,
)
from leasehold.model.signals import EXCLUDED_MAX, PUSH, SESSION_REVOKED, subject_of
from leasehold.model.workloads import Workload, WorkloadKind

GOOD = {"delivery": {"method": PUSH, "endpoint_url": ENDPOINT}}
CALLS = [
    ("POST", "/ssf/streams", GOOD),
    ("GET", "/ssf/streams", None),
    ("PATCH", "/ssf/streams", {"stream_id": "x"}),
    ("PUT", "/ssf/streams", {"stream_id": "x", **GOOD}),
    ("DELETE", "/ssf/streams?stream_id=x", None),
    ("GET", "/ssf/status?stream_id=x", None),
    ("POST", "/ssf/status", {"stream_id": "x", "status": "enabled"}),
    ("POST", "/ssf/subjects:add", {"stream_id": "x", "subject": {"format": "opaque", "id": "owner:alice"}}),
    ("POST", "/ssf/subjects:remove", {"stream_id": "x", "subject": {"format": "opaque", "id": "owner:alice"}}),
    ("POST", "/ssf/verify", {"stream_id": "x"}),
]


def developer(world, **claims):
    return world.get(world.github.token(**claims), REGISTRY_AUDIENCE).access_token


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_a_caller_that_nobody_knows_gets_nothing(world, method, path, body):
    agent = world.get(world.pod_token()).access_token
    for bearer in ("junk", agent):
        reply = world.ssf(method, path, body, bearer)
        assert (reply.status, reply.json["error"]) == (401, "invalid_token")
        assert reply.headers["www-authenticate"].startswith("Bearer ")
    assert world.call(method, path).status == 401


@pytest.mark.parametrize(("method", "path", "body"), CALLS[2:])
def test_anothers_stream_is_not_there(world, method, path, body):
    stream = world.create()
    path = path.replace("=x", f"={stream}")
    body = {**body, "stream_id": stream} if body is not None else None

    assert world.ssf(method, path, body, developer(world)).status == 404
    assert world.ssf("GET", "/ssf/streams", bearer=developer(world)).json == []
    assert world.ssf(method, path, body).status < 300


def test_a_security_admin_sees_and_stops_every_stream(world):
    stream = world.create(bearer=developer(world))

    assert [one["stream_id"] for one in world.ssf("GET", "/ssf/streams").json] == [stream]
    assert world.ssf("POST", "/ssf/status", {"stream_id": stream, "status": "disabled"}).status == 200
    assert world.ssf("DELETE", f"/ssf/streams?stream_id={stream}").status == 204


@pytest.mark.parametrize(("method", "path", "body"), [CALLS[0], *CALLS[2:5], *CALLS[6:]])
def test_unmerged_code_starts_and_changes_nothing(world, method, path, body):
    reading = world.get(world.people.token(), REGISTRY_AUDIENCE, scopes=frozenset({"registry:read"})).access_token
    stream = world.create()
    path, body = (
        path.replace("=x", f"={stream}"),
        {**body, "stream_id": stream} if body and "stream_id" in body else body,
    )

    assert world.ssf(method, path, body, reading).status == 403
    refused = world.events()[0]
    assert (refused.outcome.value, refused.kind, refused.principal) == ("denied", "signal-streams", "oidc:alice")
    assert world.ssf("GET", f"/ssf/streams?stream_id={stream}", bearer=reading).status == 200


BAD_BODIES = [
    b"",
    b"[]",
    b"null",
    b'{"delivery": {"method": "x"}, "delivery": {}}',
    b"{}",
    b'{"delivery": null}',
    b'{"delivery": {"method": "urn:ietf:rfc:8936"}}',
    b'{"delivery": {"method": "urn:ietf:rfc:8935"}}',
    b'{"delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": 7}}',
    b'{"events_requested": "x", "delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": "https://siem.example"}}',
    b'{"stream_id": "mine", "delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": "https://siem.example"}}',
]


@pytest.mark.parametrize("body", BAD_BODIES)
def test_a_body_that_is_wrong_is_400_and_makes_nothing(world, body):
    headers = {"authorization": f"Bearer {world.registry_token()}", "content-type": "application/json"}
    reply = world.call("POST", "/ssf/streams", body, headers)

    assert (reply.status, reply.json["error"]) == (400, "invalid_request")
    assert world.ssf("GET", "/ssf/streams").json == []


def test_members_that_a_later_version_may_have_are_ignored(world):
    stream = world.create(inactivity_timeout=60, delivery={"surprise": 1})
    assert world.stream(stream).endpoint == ENDPOINT


@pytest.mark.parametrize(
    "url",
    [
        "ftp://siem.example/events",
        "javascript:alert(1)",
        "//siem.example/events",
        "https://",
        "https://user:password@siem.example/",
        "https://siem.example/#x",
        "https://siem.example/a b",
        "https://siem.example:99999/",
        "https://siem.example:0/",
        "https://[::1/",
        "https://siem.exämple/",
        "https://siem.example/" + "x" * 2048,
    ],
)
def test_an_endpoint_that_cannot_be_one_is_refused_at_once(world, url):
    body = {"delivery": {"method": PUSH, "endpoint_url": url}}
    assert world.ssf("POST", "/ssf/streams", body).status == 400
    stream = world.create()
    assert world.ssf("PATCH", "/ssf/streams", {**body, "stream_id": stream}).status == 400
    assert world.stream(stream).endpoint == ENDPOINT


@pytest.mark.parametrize("header", ["Bearer x\r\nHost: evil", "Bearer \x00", "Bearer ü", "x" * 4097])
def test_a_header_that_would_split_the_request_is_refused(world, header):
    delivery = {"method": PUSH, "endpoint_url": ENDPOINT, "authorization_header": header}
    assert world.ssf("POST", "/ssf/streams", {"delivery": delivery}).status == 400


def test_the_header_is_shut_in_the_store_and_never_told(world):
    stream = world.create(delivery={"authorization_header": "Bearer s3cret"})
    assert "s3cret" not in repr(world.stream(stream))
    assert "s3cret" not in str(world.stream(stream).sealed)
    told = [world.ssf("GET", f"/ssf/streams?stream_id={stream}").body, *(str(e.detail) for e in world.events())]
    assert not [text for text in told if "s3cret" in str(text)]

    moved = {"stream_id": stream, "delivery": {"method": PUSH, "endpoint_url": "https://evil.example/"}}
    world.ssf("PATCH", "/ssf/streams", moved)
    assert world.stream(stream).sealed is None  # it was meant for the first address


def test_a_receiver_has_four_streams_and_no_fifth(world):
    for number in range(4):
        world.create(f"https://siem.example/{number}")
    assert world.ssf("POST", "/ssf/streams", GOOD).status == 409
    world.create(bearer=developer(world))


def test_patch_changes_what_it_names_and_put_the_whole(world):
    stream = world.create(description="SIEM", events_requested=["urn:other"])
    patched = world.ssf("PATCH", "/ssf/streams", {"stream_id": stream, "events_requested": [SESSION_REVOKED]}).json
    assert (patched["description"], patched["events_requested"]) == ("SIEM", [SESSION_REVOKED])

    put = world.ssf("PUT", "/ssf/streams", {**patched, "events_requested": ["urn:other"]})
    assert (put.status, put.json["events_delivered"]) == (200, [])
    whole = world.ssf("PUT", "/ssf/streams", {"stream_id": stream, **GOOD}).json
    assert (whole["description"], whole["events_delivered"]) == ("", [SESSION_REVOKED])
    assert world.ssf("PUT", "/ssf/streams", {"stream_id": stream}).status == 400


@pytest.mark.parametrize(
    "subject",
    [
        {},
        {"format": "email", "email": "alice@example.com"},
        {"format": "iss_sub", "iss": "https://evil.example", "sub": "agent:triage"},
        {"format": "iss_sub", "iss": "https://leasehold.example", "sub": "owner:alice"},
        {"format": "opaque", "id": "agent:triage"},
        {"format": "opaque", "id": "x" * 5000},
        {"format": "opaque", "id": 7},
        {"format": "jwt_id", "iss": "https://leasehold.example"},
    ],
)
def test_a_subject_that_is_none_of_ours_is_not_found(world, subject):
    stream = world.create()
    for path in ("/ssf/subjects:add", "/ssf/subjects:remove"):
        assert world.ssf("POST", path, {"stream_id": stream, "subject": subject}).status == 404


@pytest.mark.parametrize(
    "node",
    [
        REGISTRY, POLICIES, MANY_POLICIES, owner_node("a"), agent_node("a"), deployment_node("a"), binding_node("a"),
        profile_node("a"), policy_node("a"), policies_node("a"), client_node("a"), issuer_node("a"), task_node("a"),
        user_node("user:a/b"), consent_node("user:a/b", "a", "r"), lease_node("a"),
        *(Workload("a", kind, "5f0c2ab9-1d7e-4c33-8f0c-2ab91d7e4c33").node for kind in WorkloadKind),
    ],
)  # fmt: skip
def test_whatever_a_stream_tells_of_it_can_be_told_to_leave_out(world, node):
    subject = subject_of("https://leasehold.example", node)
    assert world.ssf("POST", "/ssf/subjects:remove", {"stream_id": world.create(), "subject": subject}).status == 204


def test_only_so_many_subjects_can_be_removed(world):
    stream = world.create()
    with world.store.begin() as unit:
        found = unit.streams.lock(stream)
        many = frozenset(f"owner:o{number}" for number in range(EXCLUDED_MAX))
        unit.streams.replace(type(found)(**{n: getattr(found, n) for n in found.__slots__} | {"excluded": many}))
    subject = {"format": "opaque", "id": "owner:alice"}
    assert world.ssf("POST", "/ssf/subjects:remove", {"stream_id": stream, "subject": subject}).status == 400


def test_a_verification_can_be_asked_for_every_five_seconds(world):
    stream = world.create()
    assert world.ssf("POST", "/ssf/verify", {"stream_id": stream}).status == 204
    again = world.ssf("POST", "/ssf/verify", {"stream_id": stream})
    assert (again.status, again.headers["retry-after"]) == (429, "5")
    world.later(seconds=5)
    assert world.ssf("POST", "/ssf/verify", {"stream_id": stream}).status == 204
    world.ssf("POST", "/ssf/status", {"stream_id": stream, "status": "disabled"})
    assert world.ssf("POST", "/ssf/verify", {"stream_id": stream}).status == 400


def test_what_is_done_to_a_stream_is_on_record_with_it_or_not_done(world):
    token = world.registry_token()
    world.store.full = True
    assert world.ssf("POST", "/ssf/streams", GOOD, token).status == 503
    world.store.full = False
    assert world.ssf("GET", "/ssf/streams").json == []

    stream = world.create()
    world.ssf("POST", "/ssf/status", {"stream_id": stream, "status": "paused", "reason": "upgrade"})
    world.ssf("DELETE", f"/ssf/streams?stream_id={stream}")
    done = [(e.action, e.name) for e in world.events() if e.kind == "signal-streams"]
    assert done == [("delete", stream), ("paused", stream), ("create", stream)]


@pytest.mark.parametrize("path", ["/ssf/", "/ssf/stream", "/ssf/streams/x"])
def test_a_path_that_is_none_is_404(world, path):
    assert world.ssf("GET", path).status == 404


def test_a_method_that_is_none_is_405(world):
    reply = world.ssf("PUT", "/ssf/status", {})
    assert (reply.status, reply.headers["allow"]) == (405, "GET, POST")


def test_a_query_that_is_not_understood_is_refused(world):
    stream = world.create()
    for query in (f"stream_id={stream}&stream_id={stream}", f"stream_id={stream}&x=1"):
        assert world.ssf("GET", f"/ssf/streams?{query}").status == 400
    assert world.ssf("DELETE", "/ssf/streams").status == 400


@pytest.mark.parametrize("text", ["\x00", "a\x1b[2J", "x" * 1025, "\u2028"])
def test_texts_that_no_database_or_terminal_should_see_are_refused(world, text):
    stream = world.create()
    delivery = GOOD["delivery"]
    for path, body in (
        ("/ssf/streams", {"delivery": delivery, "description": text}),
        ("/ssf/streams", {"delivery": delivery, "events_requested": [text]}),
        ("/ssf/status", {"stream_id": stream, "status": "paused", "reason": text}),
        ("/ssf/verify", {"stream_id": stream, "state": text}),
    ):
        assert world.ssf("POST", path, body).status == 400
    subject = {"format": "opaque", "id": f"owner:{text}"}
    assert world.ssf("POST", "/ssf/subjects:remove", {"stream_id": stream, "subject": subject}).status == 404
    assert world.status(stream)["status"] == "enabled"


def test_what_an_address_may_hide_does_not_reach_the_audit_log(world):
    world.create("https://siem.example/hooks/s3cret?token=s3cret")
    event = next(e for e in world.events() if e.kind == "signal-streams")
    assert event.detail["host"] == "siem.example"
    assert "s3cret" not in str(event)
