"""Who logs in at an issuer, and who fails to, is on record."""

import pytest
from tests.fakes.people import USER, Browser, code_for, push, query, with_people

from leasehold.model.events import Outcome


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
