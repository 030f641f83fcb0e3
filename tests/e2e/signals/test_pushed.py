"""From a revocation to a receiver that nobody here wrote a library for, over HTTP, through every break on the way."""

from tests.e2e.signals.conftest import receiving

SESSION_REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification"


def follow(registry, receiver):
    metadata = registry.call("GET", "/.well-known/ssf-configuration").json()
    delivery = {
        "method": metadata["delivery_methods_supported"][0],
        "endpoint_url": receiver.url,
        "authorization_header": "Bearer receivers-own",
    }
    path = metadata["configuration_endpoint"].removeprefix(registry.url)
    return registry.call("POST", path, {"delivery": delivery}).json()


def revoke(registry, *nodes):
    for node in nodes:
        registry.call("POST", "/v1/revocations", {"node": node, "reason": "a test"})


def agent(registry, name):
    return {"format": "iss_sub", "iss": registry.url, "sub": f"agent:{name}"}


def test_a_receiver_is_told_of_what_ended_and_can_prove_who_said_so(registry, tmp_path):
    with receiving(registry.url, tmp_path) as receiver:
        stream = follow(registry, receiver)
        registry.call("POST", "/ssf/verify", {"stream_id": stream["stream_id"], "state": "hello"})
        (first,) = receiver.wait(1)
        assert first["events"] == {VERIFICATION: {"state": "hello"}}
        revoke(registry, "agent:triage", "owner:alice")
        told = receiver.wait(3)[1:]

    assert [claims["sub_id"] for claims in told] == [
        agent(registry, "triage"),
        {"format": "opaque", "id": "owner:alice"},
    ]
    assert all(claims["events"].keys() == {SESSION_REVOKED} for claims in told)
    assert {claims["aud"] for claims in told} == {stream["aud"]}
    assert len({claims["jti"] for claims in told}) == 2


def test_a_receiver_that_is_away_misses_nothing(registry, tmp_path):
    with receiving(registry.url, tmp_path, failures=3) as receiver:
        follow(registry, receiver)
        revoke(registry, "agent:triage", "agent:digest")
        told = receiver.wait(2, seconds=20)

    assert [claims["sub_id"]["sub"] for claims in told] == ["agent:triage", "agent:digest"]


def test_a_server_that_stops_with_events_untold_tells_them_when_it_is_back(registry, tmp_path):
    with receiving(registry.url, tmp_path, failures=1) as receiver:
        follow(registry, receiver)
        revoke(registry, "agent:triage", "agent:digest")
        registry.stop()
        before = len(receiver.claims())
        registry.start()
        told = receiver.wait(2, seconds=40)  # what the first had claimed is left alone for half a minute at most

    subjects = [claims["sub_id"]["sub"] for claims in told]
    assert list(dict.fromkeys(subjects)) == ["agent:triage", "agent:digest"]
    assert before <= 2


def test_a_receiver_inside_is_reached_only_where_the_operator_named_it(registry, tmp_path):
    with receiving(registry.url, tmp_path) as receiver:
        stream = follow(registry, receiver)
        inside = receiver.url.replace("127.0.0.1", "localhost")  # the same place, under a name that nobody allowed
        delivery = {"method": "urn:ietf:rfc:8935", "endpoint_url": inside}
        registry.call("PATCH", "/ssf/streams", {"stream_id": stream["stream_id"], "delivery": delivery})
        revoke(registry, "agent:triage")
        other = follow(registry, receiver)
        revoke(registry, "agent:digest")
        told = receiver.wait(1)

    assert {claims["aud"] for claims in told} == {other["aud"]}
    assert [claims["sub_id"]["sub"] for claims in told] == ["agent:digest"]
