"""Shared Signals 1.0, CAEP 1.0, RFC 8417, RFC 8935 and RFC 9493, as a receiver meets us."""

import asyncio

import httpx
import jwt
import pytest
from tests.conformance.requirements import proves
from tests.fakes.exchange_world import ISSUER, TOOLS, request
from tests.fakes.signal_world import ENDPOINT, SignalWorld
from tests.fakes.verifying import Keys

from leasehold.keys.network import Network
from leasehold.keys.set_delivery import SetCourier
from leasehold.model.errors import Unauthenticated
from leasehold.model.leases import binding_node
from leasehold.model.signals import PUSH, SESSION_REVOKED, STREAM_UPDATED, VERIFICATION, EventNotTaken
from leasehold.store.memory.store import MemoryStore
from leasehold.verify.access import TokenReader
from leasehold.verify.refusals import Untrusted
from leasehold.web.signals.app import SignalDoors, signals_app


@pytest.fixture
def world(tmp_path):
    world = SignalWorld(MemoryStore(), tmp_path)
    yield world.populate()
    world.close()


def one_event(world):
    stream = world.create()
    world.end("agent:triage")
    world.push()
    return stream, world.receivers.taken[-1][1]


@proves("ssf-metadata", "ssf-well-known")
def test_the_configuration_is_where_and_what_it_should_be(world):
    reply = world.call("GET", "/.well-known/ssf-configuration")
    said = reply.json

    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert (said["issuer"], said["spec_version"], said["default_subjects"]) == (ISSUER, "1_0", "ALL")
    assert said["delivery_methods_supported"] == [PUSH]
    assert said["authorization_schemes"] == [{"spec_urn": "urn:ietf:rfc:6749"}]
    metadata = world.call("GET", "/.well-known/oauth-authorization-server").json
    assert said["jwks_uri"] == metadata["jwks_uri"]
    for name in ("configuration", "status", "add_subject", "remove_subject", "verification"):
        path = said[f"{name}_endpoint"].removeprefix(ISSUER)
        assert world.call("POST", path).status == 401  # it is there, and asks who is calling


@proves("ssf-well-known")
def test_an_issuer_below_a_path_has_it_behind_the_well_known_part(world):
    doors = SignalDoors(
        issuer="https://agents.example/leasehold",
        streams=None,
        authenticator=world.callers,
        possessions=world.possessions,
        clock=lambda: world.now,
    )
    app = signals_app(doors)
    found = asyncio.run(request(app, "GET", "/.well-known/ssf-configuration/leasehold", b"", {}))
    assert found.json["issuer"] == "https://agents.example/leasehold"
    assert asyncio.run(request(app, "GET", "/.well-known/ssf-configuration", b"", {})).status == 401


@proves("ssf-create", "ssf-read", "ssf-update", "ssf-delete")
def test_a_stream_has_a_life(world):
    delivery = {"method": PUSH, "endpoint_url": ENDPOINT, "authorization_header": "Bearer x"}
    body = {"delivery": delivery, "events_requested": [SESSION_REVOKED, "urn:other"], "description": "SIEM"}
    created = world.ssf("POST", "/ssf/streams", body)
    said = created.json
    assert created.status == 201
    assert (said["iss"], said["aud"]) == (ISSUER, f"{ISSUER}/ssf/streams/{said['stream_id']}")
    assert said["events_supported"] == said["events_delivered"] == [SESSION_REVOKED]
    assert said["events_requested"] == sorted([SESSION_REVOKED, "urn:other"])
    assert said["delivery"] == {"method": PUSH, "endpoint_url": ENDPOINT}

    named = f"/ssf/streams?stream_id={said['stream_id']}"
    assert world.ssf("GET", named).json == said
    assert world.ssf("GET", "/ssf/streams").json == [said]
    patched = world.ssf("PATCH", "/ssf/streams", {"stream_id": said["stream_id"], "description": "x"})
    assert (patched.status, patched.json) == (200, {**said, "description": "x"})
    put = world.ssf("PUT", "/ssf/streams", {**said, "description": "y"})
    assert (put.status, put.json) == (200, {**said, "description": "y"})
    assert world.ssf("DELETE", named).status == 204
    assert world.ssf("GET", named).status == world.ssf("DELETE", named).status == 404


@proves("ssf-no-poll")
def test_poll_delivery_is_not_served_nor_meant_where_nothing_is_said(world):
    for delivery in ({"method": "urn:ietf:rfc:8936"}, {"method": "urn:ietf:rfc:8936", "endpoint_url": ENDPOINT}, None):
        assert world.ssf("POST", "/ssf/streams", {"delivery": delivery}).status == 400


@proves("ssf-status")
def test_a_status_is_read_and_set(world):
    stream = world.create()
    assert world.status(stream) == {"stream_id": stream, "status": "enabled"}
    for status in ("paused", "disabled", "enabled"):
        reply = world.ssf("POST", "/ssf/status", {"stream_id": stream, "status": status, "reason": "why"})
        assert (reply.status, reply.json) == (200, {"stream_id": stream, "status": status, "reason": "why"})
    assert world.ssf("POST", "/ssf/status", {"stream_id": stream, "status": "asleep"}).status == 400
    assert world.ssf("GET", "/ssf/status?stream_id=none").status == 404


@proves("ssf-subjects")
def test_subjects_come_and_go(world):
    body = {"stream_id": world.create(), "subject": {"format": "iss_sub", "iss": ISSUER, "sub": "agent:triage"}}
    assert world.ssf("POST", "/ssf/subjects:add", {**body, "verified": True}).status == 200
    assert world.ssf("POST", "/ssf/subjects:remove", body).status == 204
    assert world.ssf("POST", "/ssf/subjects:remove", {**body, "stream_id": "none"}).status == 404


@proves("ssf-verify", "ssf-interval")
def test_a_stream_is_verified(world):
    stream = world.create()
    asked = {"stream_id": stream, "state": "VGhpcyBpcyBhbiBleGFtcGxl"}
    assert world.ssf("POST", "/ssf/verify", asked).status == 204
    world.push()
    (claims,) = world.receivers.claims()
    assert claims["events"] == {VERIFICATION: {"state": asked["state"]}}
    assert claims["sub_id"] == {"format": "opaque", "id": stream}

    interval = world.ssf("GET", f"/ssf/streams?stream_id={stream}").json["min_verification_interval"]
    assert world.ssf("POST", "/ssf/verify", asked).status == 429
    world.later(seconds=interval)
    assert world.ssf("POST", "/ssf/verify", asked).status == 204


@proves("ssf-updated")
def test_a_stream_that_we_stop_says_so(world):
    world.create()
    world.bump(binding_node("alice"))
    world.push()

    assert world.receivers.claims()[0]["events"][STREAM_UPDATED]["status"] == "disabled"


@proves("ssf-no-exp", "ssf-typ", "8417-claims", "caep-revoked")
def test_a_set_says_what_it_must_and_nothing_that_it_must_not(world):
    stream, token = one_event(world)
    header = jwt.get_unverified_header(token)
    published = {one["kid"]: jwt.PyJWK(one) for one in world.call("GET", "/.well-known/jwks.json").json["keys"]}
    audience = f"{ISSUER}/ssf/streams/{stream}"
    options = {"verify_iat": False}  # the world's time is not the machine's
    key = published[header["kid"]]
    claims = jwt.decode(token, key, algorithms=["ES256"], audience=audience, issuer=ISSUER, options=options)

    assert header["typ"] == "secevent+jwt"
    assert claims.keys() == {"iss", "aud", "iat", "jti", "txn", "sub_id", "events"}
    assert claims["events"].keys() == {SESSION_REVOKED}
    assert type(claims["events"][SESSION_REVOKED]["event_timestamp"]) is int


@proves("8417-confusion")
def test_a_set_is_no_access_token(world):
    stream, token = one_event(world)
    with pytest.raises(Unauthenticated):
        world.callers.authenticate(token, world.now)
    assert world.introspect(token) == {"active": False}
    assert world.exchange_form(token).json["error"] == "invalid_grant"
    for audience in (TOOLS, f"{ISSUER}/ssf/streams/{stream}"):
        with pytest.raises(Untrusted, match="wrong_type"):
            TokenReader(ISSUER, audience, Keys(world.signer)).read(token)


@proves("9493-subjects")
def test_subjects_are_identifiers_of_the_registered_formats(world):
    world.create()
    issued = world.get(world.pod_token())
    world.revoke(issued.access_token)
    world.push()
    world.end("agent:triage", "user:people/00u1", "deployment:triage-prod")
    world.push()

    assert world.receivers.subjects() == [
        {"format": "jwt_id", "iss": ISSUER, "jti": issued.lease.id},
        {"format": "iss_sub", "iss": ISSUER, "sub": "agent:triage"},
        {"format": "iss_sub", "iss": ISSUER, "sub": "user:people/00u1"},
        {"format": "opaque", "id": "deployment:triage-prod"},
    ]


def answer(status, content=b"", headers=None):
    async def stream():
        yield content

    return httpx.Response(status, content=stream(), headers=headers)


def courier(respond, address="203.0.114.10", private_hosts=frozenset()):
    async def resolve(_host, _port):
        return (address,)

    return SetCourier(Network(transport=httpx.MockTransport(respond), resolve=resolve), private_hosts)


def pushed(respond, url=ENDPOINT, authorization=None, **options):
    """None if it was taken, else why not."""
    try:
        asyncio.run(courier(respond, **options).push(url, "the.set.itself", authorization))
    except EventNotTaken as error:
        return str(error)
    return None


@proves("8935-push")
def test_a_set_is_posted_by_itself(world):
    seen = []

    def respond(request):
        seen.append(request)
        return answer(202)

    assert pushed(respond, authorization="Bearer s3cret") is None
    assert pushed(respond) is None
    first, second = seen
    assert (first.method, first.content) == ("POST", b"the.set.itself")
    assert first.headers["content-type"] == "application/secevent+jwt"
    assert first.headers["accept"] == "application/json"
    assert (first.headers["authorization"], first.headers["host"]) == ("Bearer s3cret", "siem.example")
    assert "authorization" not in second.headers


@proves("8935-taken", "8935-error")
def test_only_a_2xx_takes_it_and_a_receivers_text_is_not_repeated(world):
    for status in (200, 202, 204):
        assert pushed(lambda _: answer(status)) is None  # noqa: B023  called at once
    for status in (301, 302, 307, 401, 404, 429, 500, 503):
        headers = {"location": "https://evil.example/"}
        assert pushed(lambda _: answer(status, headers=headers)) == f"status {status}"  # noqa: B023
    assert pushed(lambda _: answer(400, b'{"err": "invalid_key"}')) == "status 400, invalid_key"
    for body in (b'{"err": "<script>"}', b'{"err": 7}', b"[]", b"[" * 60_000, b"\xff"):
        assert pushed(lambda _: answer(400, body)) == "status 400"  # noqa: B023


@proves("8935-push")
def test_a_set_is_brought_to_no_place_inside(world):
    def never(_request):
        raise AssertionError("no connection may be made")

    for address in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1", "100.64.0.1"):
        assert "private" in pushed(never, address=address)
    assert "plain http" in pushed(never, "http://siem.example/events")
    assert "plain http" in pushed(never, "http://127.0.0.1/events", address="127.0.0.1")
    named = frozenset({"siem.internal"})
    assert "private" in pushed(never, "https://other.internal/", address="10.0.0.1", private_hosts=named)
    assert "private" in pushed(never, "https://siem.internal.evil.example/", address="10.0.0.1", private_hosts=named)
    taken = {"address": "10.0.0.1", "private_hosts": named}
    assert pushed(lambda _: answer(202), "https://siem.internal/events", **taken) is None
    assert "plain http" in pushed(never, "http://siem.internal/events", **taken)
