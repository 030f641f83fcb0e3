"""Whoever is revoked while something is under way for them gets nothing out of it."""

import jwt
import pytest
from tests.fakes.people import USER, Browser, code_for, push, redeem, with_people


@pytest.fixture
def people(world):
    return with_people(world)


@pytest.mark.parametrize("node", [USER, "registry", "client:triage", "issuer:people"])
def test_what_is_revoked_after_the_login_ends_the_code_that_is_out(people, node):
    code = code_for(people)
    people.bump(node)

    reply = redeem(people, code)
    assert (reply.status, reply.json["error"]) == (400, "invalid_grant")
    assert redeem(people, code_for(people)).status == 200


@pytest.mark.parametrize("node", [USER, "registry", "issuer:people"])
def test_whoever_is_revoked_while_they_are_asked_consents_to_nothing(people, node):
    browser = Browser(people)
    page = browser.ask(push(people))
    people.bump(node)

    back = browser.answer(page)
    assert (back.status, "location" in back.headers) == (400, False)
    with people.store.read() as unit:
        assert unit.consents.of_user(USER) == []


def test_the_first_token_of_a_person_ends_no_other_login_of_theirs(people):
    first, second = code_for(people), code_for(people)
    assert redeem(people, first).status == redeem(people, second).status == 200


def test_a_persons_token_dies_with_the_word_that_it_rests_on(people):
    """Whoever was let in by an issuer that is not believed any more may not be who it said."""
    token = redeem(people, code_for(people)).json["access_token"]
    assert "issuer:people" in [node for node, _ in said_by(token)["urn:leasehold:lease"]["anc"]]

    people.bump("issuer:people")
    assert people.introspect(token) == {"active": False}
    again = redeem(people, code_for(people)).json["access_token"]
    assert people.introspect(again)["active"]


def said_by(token):
    return jwt.decode(token, options={"verify_signature": False})
