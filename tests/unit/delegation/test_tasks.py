"""Leases of a task: ended with it, by whom it belongs to, and by its deadline."""

import asyncio
from datetime import timedelta

import pytest
from tests.fakes.authenticator import FakeAuthenticator
from tests.fakes.delegation_world import Family, said
from tests.fakes.exchange_world import ISSUER, REGISTRY_AUDIENCE, TOOLS, Reply, request, together

from leasehold.authn.agent_tokens import AgentCallers
from leasehold.exchange.refusals import ExchangeRefused
from leasehold.keys.tokens import OwnTokens
from leasehold.model.kinds import Kind
from leasehold.model.leases import Node
from leasehold.model.people import Owner
from leasehold.model.possession import FirstUse, Possession
from leasehold.model.tasks import TaskWish
from leasehold.web.control_plane import control_plane
from leasehold.web.doors import Doors

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TASK = TaskWish("ticket-4711")


@pytest.fixture
def control(family):
    """The control plane on the same store; `alice` develops for team payments, `mallory` for another."""
    world = family.world
    agents = AgentCallers(issuer=ISSUER, verifier=OwnTokens(world.signer), leases=world.store)
    return control_plane(
        Doors(store=world.store, authenticator=FakeAuthenticator(), clock=lambda: world.now, agents=agents)
    )


def end(control, caller: str | None, task: str = TASK.id) -> Reply:
    headers = {"authorization": f"Bearer {caller}"} if caller is not None else {}
    return asyncio.run(request(control, "POST", f"/v1/tasks/{task}:end", b"", headers))


def lease_of_task(family: Family, **options):
    return family.world.get(family.pod("triage"), task=TASK, **options)


def test_a_lease_of_a_task_hangs_under_it(family):
    issued = lease_of_task(family)
    assert issued.lease.task == TASK.id
    assert ["task:ticket-4711", 1] in said(issued)["urn:leasehold:lease"]["anc"]
    with family.world.store.read() as unit:
        assert unit.tasks.find(TASK.id).agent == "triage"


def test_the_end_of_a_task_ends_its_whole_tree_and_nothing_else(family, control):
    other = family.world.get(family.pod("triage"))
    first, second = lease_of_task(family), lease_of_task(family)
    child = family.spawn(first.access_token, "coder")
    assert child.lease.task == TASK.id
    reply = end(control, other.access_token)

    assert (reply.status, reply.json["task"], reply.json["generation"]) == (200, TASK.id, 2)
    assert not any(family.alive(one) for one in (first, second, child))
    assert family.alive(other)
    with pytest.raises(ExchangeRefused) as refused:
        lease_of_task(family)
    assert (refused.value.code, refused.value.reason) == ("invalid_request", "task_over")


def test_a_task_ends_once_however_often_it_is_asked(family, control):
    token = family.own("triage")
    lease_of_task(family)
    first = end(control, token)
    family.world.later(seconds=10)
    assert end(control, token).json == first.json
    with family.world.store.read() as unit:
        assert unit.nodes.generations([Node("task:ticket-4711")]) == {"task:ticket-4711": 2}


def test_nobody_and_a_token_that_has_ended_end_nothing(family, control):
    lease_of_task(family)
    token = family.own("triage")
    family.world.revoke(token)
    for caller in (None, "nobody", token):
        assert end(control, caller).status == 401


def test_a_token_bound_to_a_key_is_no_bearer_token(family, control):
    lease_of_task(family)
    bound = family.own("triage", proof=Possession("key", FirstUse("dpop", "1", family.world.now)))
    assert end(control, bound).status == 401


@pytest.mark.parametrize("task", [TASK.id, "ticket-0000", "short", "x" * 200])
def test_a_task_of_another_agent_is_answered_like_an_unknown_one(family, control, task):
    lease_of_task(family)
    reply, unknown = end(control, family.own("coder"), task), end(control, family.own("coder"), "ticket-9999")
    assert (reply.status, reply.json["code"]) == (unknown.status, unknown.json["code"]) == (404, "not_found")
    with family.world.store.read() as unit:
        assert unit.tasks.find(TASK.id).ended_at is None


def test_a_task_of_another_agent_takes_no_leases(family):
    lease_of_task(family)
    with pytest.raises(ExchangeRefused) as refused:
        family.own("coder", task=TASK)
    assert (refused.value.code, refused.value.reason) == ("invalid_request", "task_of_another")


def test_platform_principals_end_tasks_within_their_teams(family, control):
    family.world.put(Kind.OWNERS, "alice", Owner(display_name="Alice", email="alice@example.com", team="payments"))
    lease_of_task(family)

    assert end(control, "mallory").status == 404
    assert end(control, "viewer").status == 403
    assert end(control, "plan").status == 403
    assert end(control, "alice").status == 200
    event = family.world.events()[0]
    assert (event.principal, event.action, event.name, event.outcome) == (
        "oidc:alice@example.com",
        "end",
        TASK.id,
        "ok",
    )


def test_a_security_admin_ends_any_task(family, control):
    issued = lease_of_task(family)
    assert end(control, "admin").status == 200
    assert not family.alive(issued)
    assert end(control, "admin", "ticket-0000").status == 404


def test_no_lease_of_a_task_lives_past_its_deadline(family):
    deadline = family.world.now.replace(microsecond=0) + timedelta(seconds=100)
    wish = TaskWish(TASK.id, deadline)
    issued = family.world.get(family.pod("triage"), task=wish)
    child = family.spawn(issued.access_token, "coder")

    assert issued.lease.expires_at == child.lease.expires_at == deadline
    assert lease_of_task(family).lease.expires_at == deadline
    family.world.later(seconds=100)
    assert not family.alive(issued)
    with pytest.raises(ExchangeRefused) as refused:
        lease_of_task(family)
    assert refused.value.reason == "task_over"


def test_a_deadline_is_set_once(family):
    lease_of_task(family)
    later = TaskWish(TASK.id, family.world.now + timedelta(hours=1))
    with pytest.raises(ExchangeRefused) as refused:
        family.world.get(family.pod("triage"), task=later)
    assert refused.value.reason == "task_refused"


def test_a_deadline_that_has_passed_opens_no_task(family):
    with pytest.raises(ExchangeRefused):
        family.world.get(family.pod("triage"), task=TaskWish(TASK.id, family.world.now - timedelta(seconds=1)))
    with family.world.store.read() as unit:
        assert unit.tasks.find(TASK.id) is None


def test_a_platform_role_has_no_tasks(family):
    with pytest.raises(ExchangeRefused) as refused:
        family.world.get(family.world.people.token(), REGISTRY_AUDIENCE, task=TASK)
    assert refused.value.reason == "task_of_another"


def test_a_sub_agent_works_on_the_task_of_its_parent_and_no_other(family):
    issued = lease_of_task(family)
    assert family.spawn(issued.access_token, "coder", task=TASK.id).lease.task == TASK.id
    with pytest.raises(ExchangeRefused) as refused:
        family.spawn(issued.access_token, "coder", task="ticket-9999")
    assert refused.value.reason == "task_refused"


def test_a_task_that_ends_while_a_lease_is_signed_has_no_such_lease(family):
    lease_of_task(family)
    family.world.mint.meanwhile = lambda: family.world.bump(Node("task:ticket-4711"))
    with pytest.raises(Exception, match="changing too fast"):  # the node moves at every attempt: nothing is issued
        lease_of_task(family)


def test_agents_that_name_a_task_at_once_have_one_owner(family):
    world = family.world
    results = together(
        *(world.ask(family.pod(agent), task=TASK) for agent in ("triage", "coder", "tester") for _ in range(5))
    )
    owners = {one.lease.agent for one in results if not isinstance(one, Exception)}
    assert len(owners) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"task": "short"},
        {"task": "ticket 4711"},
        {"task": "-ticket-4711"},
        {"task": "ticket-4711", "task_deadline": "tomorrow"},
        {"task": "ticket-4711", "task_deadline": "2026-11-23T13:00:00"},
        {"task_deadline": "2026-11-23T13:00:00Z"},
    ],
)
def test_a_task_that_is_no_task_is_a_bad_request(family, fields):
    reply = family.world.exchange_form(family.pod("triage"), **fields)
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")


def test_the_door_takes_a_task_and_its_deadline(family):
    reply = family.world.exchange_form(
        family.pod("triage"), task="ticket-4711", task_deadline="2026-11-23T12:01:00.5+00:00"
    )
    assert (reply.status, reply.json["expires_in"]) == (200, 59)
    assert said(reply.json["access_token"])["aud"] == TOOLS


def test_authorization_details_are_never_ignored(family):
    """Ignored, they would leave a token for more than was asked."""
    reply = family.world.exchange_form(family.pod("triage"), authorization_details="[]")
    assert (reply.status, reply.json["error"]) == (400, "invalid_authorization_details")
    for grant in ("authorization_code", JWT_BEARER):
        reply = family.world.form("/oauth2/token", grant_type=grant, authorization_details="[]", resource=TOOLS)
        assert (reply.status, reply.json["error"]) == (400, "invalid_request")
