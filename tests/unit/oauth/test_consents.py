"""Consents taken back: by the person, by the security role, and by nobody else."""

from urllib.parse import urlencode

import pytest
from tests.fakes.exchange_world import TOOLS
from tests.fakes.people import READ, USER, Browser, code_for, push, redeem, with_people

from leasehold.model.kinds import Kind
from leasehold.model.principal import Role
from leasehold.model.trust import OidcSubject

WHICH = {"agent": "triage", "resource": TOOLS}


@pytest.fixture
def people(world):
    return with_people(world)


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def ask(world, method, token=None, **query):
    return world.call(method, f"/v1/consents?{urlencode(query)}", b"", bearer(token) if token else {})


def identity(world, **claims):
    return world.people.token(**claims)


def test_strangers_see_and_end_nothing(people):
    code_for(people)
    token = redeem(people, code_for(people)).json["access_token"]
    for method in ("GET", "DELETE"):
        assert ask(people, method, **WHICH).status == 401
        assert ask(people, method, "junk", **WHICH).status == 401
        assert ask(people, method, token, user=USER, **WHICH).status == 401


def test_a_person_sees_what_they_consented_to(people):
    code_for(people, scope=READ)

    (item,) = ask(people, "GET", identity(people)).json["items"]
    assert (item["user"], item["agent"], item["scopes"], item["revoked_at"]) == (USER, "triage", [READ], None)


def test_a_consent_taken_back_ends_its_tokens_and_is_asked_for_again(people):
    code, token = code_for(people), redeem(people, code_for(people)).json["access_token"]
    assert people.introspect(token)["active"]

    assert ask(people, "DELETE", identity(people), **WHICH).status == 200

    assert people.introspect(token) == {"active": False}
    assert redeem(people, code).json["error"] == "invalid_grant"
    assert Browser(people).ask(push(people)).status == 200
    (item,) = ask(people, "GET", identity(people)).json["items"]
    assert item["revoked_at"] is not None


def test_a_consent_given_again_stands_again(people):
    code_for(people)
    ask(people, "DELETE", identity(people), **WHICH)

    assert redeem(people, code_for(people)).status == 200


def test_nobody_ends_the_consent_of_another(people):
    code_for(people)
    other = identity(people, sub="00u2bob")

    assert ask(people, "DELETE", other, user=USER, **WHICH).status == 403
    assert ask(people, "DELETE", other, **WHICH).status == 404
    assert ask(people, "GET", other).json["items"] == []


def test_the_security_role_ends_any_and_audit_says_who(people):
    code_for(people)
    admin = people.registry_token()

    assert ask(people, "DELETE", admin, **WHICH).status == 403
    assert ask(people, "DELETE", admin, user=USER, **WHICH).status == 200
    (event,) = [event for event in people.events() if event.action == "end-consent"]
    assert (event.principal, event.detail["by"]) == (USER, "oidc:alice")


def test_another_role_ends_none(people):
    code_for(people)
    people.delete(Kind.WORKLOAD_BINDINGS, "alice")
    people.bind("alice", trust_issuer="people", role=Role.VIEWER, oidc=OidcSubject(subject="00u1alice"))

    assert ask(people, "DELETE", people.registry_token(), user=USER, **WHICH).status == 403


@pytest.mark.parametrize("query", ["user=a&user=b", "x=1", "%ff=%ff", "agent"])
def test_a_query_that_is_not_understood_is_refused(people, query):
    reply = people.call("GET", f"/v1/consents?{query}", b"", bearer(identity(people)))

    assert reply.status == 400
