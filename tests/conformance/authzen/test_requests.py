"""Requests at every endpoint: who may send them, what they must be, and what goes wrong how."""

import asyncio
import json

import jwt
import pytest
from tests.conformance.requirements import proves
from tests.fakes.decision_point import call
from tests.fakes.registry import NOW

from leasehold.decisions.metadata import configuration
from leasehold.keys.signing import jwk_set
from leasehold.model.errors import Unavailable
from leasehold.web.access.metadata import Metadata

QUESTION = call("read_file")
SEARCH = {**QUESTION, "action": {"name": "github/read_file"}}
ENDPOINTS = ("evaluation", "evaluations", "search/subject", "search/resource", "search/action")
EACH = pytest.mark.parametrize("endpoint", ENDPOINTS)


@EACH
@proves("http-401", "http-message")
def test_the_anonymous_caller_is_refused_with_a_challenge(world, endpoint):
    for authorization in (None, "Bearer", "Bearer nobody", "Basic cGVwOg==", "Bearer a b"):
        headers = {"Authorization": authorization} if authorization is not None else {}
        answer = world.ask(endpoint, QUESTION, None, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert isinstance(answer.json(), str)


@EACH
@proves("http-403", "http-message")
def test_a_caller_of_another_role_is_refused(world, endpoint):
    others = ("viewer", "alice", "approver") + (("auditor", "plan") if endpoint.startswith("evaluation") else ())
    for caller in others:
        answer = world.ask(endpoint, QUESTION, caller)
        assert (answer.status_code, isinstance(answer.json(), str)) == (403, True)


@EACH
@proves("http-401")
def test_the_anonymous_caller_learns_nothing_from_a_bad_request(world, endpoint):
    assert world.ask(endpoint, None, None, content=b"{{{").status_code == 401


@EACH
@proves("http-json")
def test_a_body_of_another_type_is_a_bad_request(world, endpoint):
    for type_ in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = world.ask(endpoint, None, content=b"{}", headers={"Content-Type": type_})
        assert answer.status_code == 400
    typed = {"Content-Type": "application/json; charset=utf-8"}
    assert world.ask(endpoint, QUESTION, headers=typed).status_code == 200


@EACH
@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b'"x"', b"null", b"\xff", b'{"a": NaN}', b'{"subject": {}, "subject": {}}'),
        *(b"[" * 70 + b"]" * 70, b'{"a":' * 70 + b"1" + b"}" * 70, b"[" * 200_000, b'{"n": 1' + b"0" * 500 + b"}"),
        b" " * (1 << 20) + b"{}",
    ],
    ids=lambda body: repr(body[:20]),
)
@proves("http-object", "http-message")
def test_a_body_that_is_no_object_is_a_bad_request(world, endpoint, body):
    answer = world.ask(endpoint, None, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, isinstance(answer.json(), str)) == (400, True)


@pytest.mark.parametrize("part", ["subject", "action", "resource"])
@pytest.mark.parametrize("wrong", [None, "x", 1, [], {}, {"type": "agent"}, {"id": "triage"}, {"type": 1, "id": 2}])
@proves("eval-subject", "eval-action", "eval-resource", "http-required", "http-message")
def test_a_part_that_is_missing_or_ill_typed_is_a_bad_request(world, part, wrong):
    for question in ({**QUESTION, part: wrong}, {name: one for name, one in QUESTION.items() if name != part}):
        answer = world.ask("evaluation", question)
        assert (answer.status_code, isinstance(answer.json(), str)) == (400, True)
        assert part in answer.json()


@pytest.mark.parametrize("wrong", [None, "x", 1, []])
@proves("eval-context", "eval-properties", "http-required")
def test_context_and_properties_are_objects(world, wrong):
    for changed in (
        {"context": wrong},
        {"subject": {**QUESTION["subject"], "properties": wrong}},
        {"action": {**QUESTION["action"], "properties": wrong}},
        {"resource": {**QUESTION["resource"], "properties": wrong}},
    ):
        assert world.ask("evaluation", {**QUESTION, **changed}).status_code == 400
    assert world.ask("evaluation", {**QUESTION, "context": {}}).json()["decision"] is True


@EACH
@proves("http-unknown")
def test_unknown_fields_are_ignored(world, endpoint):
    more = {**QUESTION, "later": {"version": 2}, "subject": {**QUESTION["subject"], "nickname": "tri"}}
    assert world.ask(endpoint, more).status_code == 200


@EACH
@proves("http-post", "http-message")
def test_only_post_is_served(world, endpoint):
    for method in ("GET", "PUT", "DELETE"):
        answer = world.send(method, f"/access/v1/{endpoint}", "pep", app=world.access)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert isinstance(answer.json(), str)


@EACH
@proves("http-request-id")
def test_the_request_id_comes_back_whatever_the_answer(world, endpoint):
    sent = {"X-Request-ID": "bfe9eb29-ab87-4ca3-be83-a1d5d8305716"}
    for body, caller, status in (
        (QUESTION, "pep", 200),
        ({}, "pep", 400),
        (QUESTION, None, 401),
        (QUESTION, "viewer", 403),
    ):
        answer = world.ask(endpoint, body, caller, headers=sent)
        assert (answer.status_code, answer.headers["x-request-id"]) == (status, sent["X-Request-ID"])
    assert "x-request-id" not in world.ask(endpoint, QUESTION).headers


@proves("meta-path", "meta-base", "meta-endpoints")
def test_the_metadata_names_every_endpoint_below_the_identifier(world):
    answer = world.send("GET", "/.well-known/authzen-configuration", None, app=world.access)
    document = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert document["policy_decision_point"] == "https://pdp.example.com"
    endpoints = {document[f"access_{name}_endpoint"] for name in ("evaluation", "evaluations")}
    endpoints |= {document[f"search_{name}_endpoint"] for name in ("subject", "resource", "action")}
    assert endpoints == {f"https://pdp.example.com/access/v1/{name}" for name in ENDPOINTS}


@proves("meta-signed")
def test_the_metadata_are_signed_anew_every_few_minutes(world):
    seen = []
    for seconds in (0, 299, 1):
        world.later(seconds)
        document = world.send("GET", "/.well-known/authzen-configuration", None, app=world.access).json()
        seen.append(document.pop("signed_metadata"))
        head = jwt.get_unverified_header(seen[-1])
        (key,) = [one for one in jwk_set(world.signer.published())["keys"] if one["kid"] == head["kid"]]
        claims = jwt.decode(seen[-1], jwt.PyJWK(key).key, ["ES256"], options={"verify_iat": False})
        assert claims == {**document, "iss": document["policy_decision_point"], "iat": claims["iat"]}
        assert head["typ"] == "authzen-configuration+jwt"
        assert document["jwks_uri"] == "https://pdp.example.com/.well-known/jwks.json"
    assert seen[0] == seen[1] != seen[2]


class Away:
    """Whoever signs does not answer."""

    async def sign(self, _claims):
        raise Unavailable("no key")


@proves("meta-signed")
def test_while_nobody_can_sign_the_metadata_come_unsigned():
    document = asyncio.run(Metadata("https://pdp.example.com", Away(), lambda: NOW).document())
    assert json.loads(document) == configuration("https://pdp.example.com")


@proves("meta-path")
def test_the_metadata_are_read_and_nothing_else(world):
    answer = world.send("POST", "/.well-known/authzen-configuration", None, app=world.access)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert world.send("GET", "/.well-known/authzen-configuration/other", None, app=world.access).status_code == 404
