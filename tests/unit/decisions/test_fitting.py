"""Policies that the world has changed beneath: none is left out, and each denies where it fails and nowhere else."""

from dataclasses import replace

import pytest
from tests.fakes.decision_point import call
from tests.fakes.registry import GRANT, SERVER, path
from tests.unit.decisions.test_current import allowed

from leasehold.decisions.assembling import reassemble
from leasehold.model.kinds import Kind
from leasehold.model.policies import Policy, PolicySide


def reason(world, **question):
    return world.decide(**question)["context"]["reason"]


@pytest.mark.parametrize("effect", ["permit", "forbid"])
def test_a_new_policy_that_fits_nothing_is_never_left_out(world, effect):
    """Left out, a permit would no longer bound the grants, and a forbid no longer forbid."""
    broken = (
        f'{effect}(principal, action == Action::"github/read_file", resource == repo::"web") when {{ context.no }};'
    )
    world.registry.must("policies", "hope", {"document": broken, "side": "agent"})
    assert reason(world, **call("read_file")) == "evaluation_error"
    world.registry.grant({**GRANT, "tools": ["create_issue"]})
    assert world.decide(**call("create_issue"))["decision"]


def test_what_nobody_can_read_denies_everything(world):
    state = world.current.look()
    torn = {"torn": Policy(document="forbid(principal, action", side=PolicySide.AGENT)}
    seen = replace(state.seen, objects={**state.seen.objects, Kind.POLICIES: torn})
    world.current._state = reassemble(state, seen, directory=False)
    assert reason(world, **call("read_file")) == "forbidden"


def test_an_application_that_takes_anothers_action_is_refused_whichever_is_first_by_name(world):
    """Let in, nothing could be published, and everything would be denied."""
    schema = "entity user; entity thing; action look appliesTo { principal: user, resource: thing };"
    body = {"document": 'permit(principal, action == Action::"look", resource);', "side": "user"}
    world.must("policies", "middle", {**body, "schema": schema})
    for name in ("first", "second"):
        again = {**body, "schema": f"{schema} entity {name};"}
        answer = world.call("PUT", path("policies", name), json=again, headers={"If-None-Match": "*"})
        assert answer.status_code == 422
        assert "two applications have an action `look`" in answer.text
    world.registry.grant({**GRANT, "tools": ["create_issue"]})
    assert world.decide(**call("create_issue"))["decision"]


SHARED = 'permit(principal, action == Action::"github/read_file", resource is document) when { %s };'
OWN, LENT = "document:1#owner@user:a", "document:1#viewer@user:b"


def read_by(person, document="1"):
    return {**call("read_file", f"document:{document}"), "subject": {"type": "user", "id": person}}


def furnish(world, condition, **attributes):
    for name in "ab":
        world.must("users", f"{name}na", {"ids": [name]})
    thing = {"type": "document", "foreign_id": "1", "attributes": attributes}
    world.must("resources", "first", thing)
    for name in (OWN, LENT):
        held, _, subject = name.partition("@")
        world.registry.must(
            "relations", name, {"subject": subject, "relation": held.partition("#")[2], "object": "document:1"}
        )
    world.must("policies", "shared", {"document": SHARED % condition, "side": "user"})


def test_the_last_share_that_is_taken_back_takes_nothing_from_the_owner(world):
    furnish(world, "principal in resource.viewer || principal in resource.owner")
    assert [reason(world, **read_by(one)) for one in "ab"] == ["permitted", "permitted"]
    assert world.call("DELETE", path("relations", LENT), headers={"If-Match": '"1"'}).is_success
    assert [reason(world, **read_by(one)) for one in "ab"] == ["permitted", "not_permitted"]
    assert world.call("DELETE", path("relations", OWN), headers={"If-Match": '"1"'}).is_success
    assert [reason(world, **read_by(one)) for one in "ab"] == ["not_permitted", "not_permitted"]
    assert world.current.look().problems == ()


@pytest.mark.parametrize("restarted", [False, True])
def test_a_thing_without_an_attribute_is_denied_by_itself(world, restarted):
    furnish(world, 'resource.label == "public"', label="public")
    world.must("resources", "second", {"type": "document", "foreign_id": "2"})
    if restarted:
        world.current._state = None
    assert [reason(world, **read_by("a", one)) for one in "12"] == ["permitted", "evaluation_error"]


def test_a_forbid_that_no_longer_fits_forbids_after_a_restart(world):
    label = {"type": "repo", "foreign_id": "web", "attributes": {"label": "secret"}}
    world.must("resources", "web", label)
    document = (
        'forbid(principal, action == Action::"github/read_file", resource is repo) when { resource.label == "secret" };'
    )
    world.must("policies", "secrets", {"document": document, "side": "agent"})
    world.must("resources", "api", {"type": "repo", "foreign_id": "api"})
    for _ in range(2):
        assert reason(world, **call("read_file")) == "forbidden"
        world.current._state = None  # what a process begins with


def test_a_policy_that_no_longer_fits_the_tools_denies_where_it_fails(world):
    condition = ' when { context.input.amount.greaterThan(decimal("5.0")) };'
    document = f'forbid(principal, action == Action::"github/refund", resource){condition}'
    world.registry.must("policies", "cap", {"document": document, "side": "agent"})
    world.registry.grant({**GRANT, "tools": ["refund"]})
    assert world.decide(**call("refund", arguments={"amount": 4}))["decision"]
    server = world.registry.get("tool-servers", "github").json()
    tools = {**SERVER["tools"], "refund": {"action": "write", "input_schema": '{"type": "object"}'}}
    world.registry.change("tool-servers", "github", {**SERVER, "tools": tools}, server["revision"])
    answer = world.decide(**call("refund", arguments={}))
    assert (answer["decision"], answer["context"]["reason"]) == (False, "evaluation_error")
    assert allowed(world)
