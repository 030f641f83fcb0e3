"""Who logs in at an issuer, and who fails to, is on record."""

from dataclasses import replace

import pytest
from tests.fakes.exchange_world import ISSUER, signing_key
from tests.fakes.people import USER, Browser, code_for, push, query, redeem, with_people

from leasehold.model.events import Outcome
from leasehold.model.kinds import Kind


@pytest.fixture
def people(world):
    return with_people(world)


def logins(people):
    found = [one for one in people.events() if one.kind == "logins"]
    return [(one.action, one.principal, one.outcome, one.detail["agent"]) for one in found]


def test_who_logs_in_and_who_fails_to_is_on_record(people):
    code_for(people)
    assert logins(people) == [("log-in", USER, Outcome.OK, "triage")]
    started = (browser := Browser(people)).start(push(people))
    state = query(started.headers["location"])["state"]
    assert browser.get(f"/oauth2/login/callback?code=made-up&state={state}").status == 400
    assert logins(people)[0] == ("log-in", "anonymous", Outcome.DENIED, "triage")
    code_for(people)  # who consented before is not asked again, and logs in all the same
    assert [outcome for _, _, outcome, _ in logins(people)] == [Outcome.OK, Outcome.DENIED, Outcome.OK]


def distrust(people, **changes):
    """The operator's answer to an issuer that was broken into, on whatever replica."""
    with people.store.read() as unit:
        issuer = unit.objects.get(Kind.TRUST_ISSUERS, "people").spec
    people.put(Kind.TRUST_ISSUERS, "people", replace(issuer, **changes))


@pytest.mark.parametrize("changes", [{"login": None}, {"jwks": '{"keys": []}'}], ids=["no logins", "other keys"])
def test_a_login_that_is_under_way_ends_with_the_trust_in_its_issuer(people, changes):
    """Whoever holds the keys of before finishes no login, however recently it was begun."""
    browser = Browser(people)
    started = browser.start(push(people))
    distrust(people, **changes)

    assert browser.log_in(started).status == 400
    assert logins(people) == [] or logins(people)[0][2] is Outcome.DENIED


def test_an_issuer_that_is_gone_ends_its_logins_and_the_questions_that_they_led_to(people):
    browser, late = Browser(people), Browser(people)
    asked, started = browser.ask(push(people)), late.start(push(people))
    assert asked.status == 200
    people.delete(Kind.TRUST_ISSUERS, "people")

    assert late.log_in(started).status == 400
    assert browser.answer(asked).status == 400


def test_consent_is_given_to_nobody_whom_no_issuer_vouches_for_any_more(people):
    browser = Browser(people)
    asked = browser.ask(push(people))
    distrust(people, login=None)

    assert browser.answer(asked).status == 400


@pytest.mark.parametrize("changes", [{"login": None}, None], ids=["no logins", "gone"])
def test_a_code_of_a_login_that_is_believed_no_more_brings_nothing(people, changes):
    code = code_for(people)
    if changes is None:
        people.delete(Kind.TRUST_ISSUERS, "people")
    else:
        distrust(people, **changes)

    answer = redeem(people, code)
    assert (answer.status, answer.json["error"]) == (400, "invalid_grant")


def test_a_login_goes_on_where_its_issuer_rotated_its_keys(people):
    browser = Browser(people)
    started = browser.start(push(people))
    people.people.keys.insert(0, signing_key("rotated", "ES256"))
    distrust(people, jwks=people.people.jwks())

    assert browser.log_in(started).status == 200


@pytest.mark.parametrize(
    ("prompt", "wrong", "told"),
    [
        ("none", "login_required", "login_required"),
        ("none", "interaction_required", "consent_required"),
        ("none", "evil", "consent_required"),
        (None, "login_required", "access_denied"),
    ],
)
def test_who_could_not_log_in_in_silence_is_told_apart_from_who_was_not_asked(people, prompt, wrong, told):
    browser = Browser(people)
    started = browser.start(push(people, **({"prompt": prompt} if prompt else {})))
    answer = query(browser.log_in(started, answer={"error": wrong}).headers["location"])
    assert (answer["error"], answer["state"], answer["iss"]) == (told, "xyz", ISSUER)
