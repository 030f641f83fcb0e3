"""Tasks at every grant: whatever way a lease is taken for a task, the end of the task and its deadline end it."""

import uuid

import pytest
from tests.fakes.client_keys import ASSERTION
from tests.fakes.exchange_world import ISSUER, TOOLS
from tests.fakes.people import KEY, OTHER, USER, code_for, credential, push, redeem, rival, said, with_people

from leasehold.model.leases import task_node

TASK = "ticket-4711"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def for_itself(world, key=KEY, client="triage", **fields):
    base = {
        "grant_type": "client_credentials",
        "client_id": client,
        "resource": TOOLS,
        "client_assertion_type": ASSERTION,
        "client_assertion": key.assertion(world.now, client=client),
    }
    return world.form("/oauth2/token", **base, **fields)


def by_code(world, **fields):
    return redeem(world, code_for(world), **fields)


def by_assertion(world, **fields):
    jag = {"aud": ISSUER, "client_id": "triage", "scope": "mcp:tool:read_file:read", "resource": TOOLS}
    once = {"jti": uuid.uuid4().hex, "exp": int(world.now.timestamp()) + 120}
    assertion = world.people.token(header={"typ": "oauth-id-jag+jwt"}, **jag, **once)
    return world.form("/oauth2/token", grant_type=JWT_BEARER, assertion=assertion, **credential(world), **fields)


GRANTS = pytest.mark.parametrize("take", [for_itself, by_code, by_assertion])


@pytest.fixture
def people(world):
    return with_people(world)


@GRANTS
def test_a_task_of_another_agent_takes_no_lease(people, take):
    rival(people)
    assert for_itself(people, OTHER, "rival", task=TASK).status == 200

    refused = take(people, task=TASK)

    assert (refused.status, refused.json["error"]) == (400, "invalid_request")
    assert refused.json["error_description"] == "the task was not accepted"
    assert people.events()[0].reason == "task_of_another"


@GRANTS
def test_a_lease_of_a_task_hangs_under_it_and_ends_with_it(people, take):
    taken, other = take(people, task=TASK), take(people).json["access_token"]
    token = taken.json["access_token"]
    assert [f"task:{TASK}", 1] in said(taken)["urn:leasehold:lease"]["anc"]
    assert TASK in [event.detail.get("task") for event in people.events() if event.outcome == "ok"]

    with people.store.begin() as unit:
        unit.tasks.end(TASK, people.now)
        unit.nodes.bump(task_node(TASK))

    assert people.introspect(token) == {"active": False}
    assert people.introspect(other)["active"]
    refused = take(people, task=TASK)
    assert (refused.status, refused.json["error"]) == (400, "invalid_request")


@GRANTS
def test_no_lease_lives_past_the_deadline_of_its_task(people, take):
    taken = take(people, task=TASK, task_deadline="2026-11-23T12:01:00Z")

    assert taken.json["expires_in"] == 59
    assert said(taken)["exp"] == int(people.now.timestamp()) + 60


@GRANTS
@pytest.mark.parametrize(
    "fields",
    [
        {"task": "short"},
        {"task": "ticket 4711"},
        {"task": TASK, "task_deadline": "tomorrow"},
        {"task": TASK, "task_deadline": "2026-11-23T13:00:00"},
        {"task_deadline": "2026-11-23T13:00:00Z"},
    ],
)
def test_a_task_that_is_no_task_is_a_bad_request(people, take, fields):
    refused = take(people, **fields)
    assert (refused.status, refused.json["error"]) == (400, "invalid_request")


def test_a_refused_task_leaves_the_code_as_good_as_it_was(people):
    rival(people)
    for_itself(people, OTHER, "rival", task=TASK)
    code = code_for(people)

    assert redeem(people, code, task=TASK).status == 400
    assert said(redeem(people, code))["sub"] == USER


@pytest.mark.parametrize(
    "fields", [{"task": TASK}, {"task_deadline": "2026-11-23T13:00:00Z"}, {"authorization_details": "[]"}]
)
def test_what_a_pushed_request_would_forget_on_the_way_is_refused(people, fields):
    refused = push(people, **fields)
    assert (refused.status, refused.json["error"]) == (400, "invalid_request")
