"""Two versions compared with each other: what one lets agents do that the other does not, in the world that lives."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fastapi import FastAPI
from tests.unit.review.test_review_doors import Client, ask, body, doors_over
from tests.unit.review.worlds import DELETE, READ, SCOPED, Registry, organisation

from leasehold.model.errors import LeaseholdError
from leasehold.model.grants import GrantSet
from leasehold.model.kinds import Kind
from leasehold.model.tools import Scope
from leasehold.web.problems import problem_response
from leasehold.web.review_routes import review_router

ROUTE = "/v1/plan-comparisons"
API = replace(READ, resources=frozenset({"repo:api"}))


@pytest.fixture
def registry():
    return Registry()


@pytest.fixture
def client(registry):
    app = FastAPI()
    app.include_router(review_router(doors_over(registry)))
    app.add_exception_handler(LeaseholdError, lambda _, error: problem_response(error))
    return Client(app)


def granted(*grants):
    objects = {key: spec for key, spec in organisation().items() if key[0] is not Kind.GRANTS}
    objects |= {(Kind.GRANTS, one.id): one for one in grants}
    objects[Kind.GRANT_SETS, "triage"] = GrantSet(grants=frozenset(one.id for one in grants))
    return objects


def compared(client, base, head, **more):
    answer = ask(client, ROUTE, json={"base": body(base), "head": body(head), **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def moved(report):
    return {
        one["agent"]: (
            sorted((gain["tool"], gain["resource"]) for gain in one["gains"]),
            sorted((loss["tool"], loss["resource"]) for loss in one["losses"]),
        )
        for one in report["access"]
    }


def test_what_the_head_adds_and_takes_away_is_told_whatever_lives(client):
    report = compared(client, granted(READ, API), granted(API, SCOPED))
    gains, losses = moved(report)["triage"]
    assert gains == [("create_issue", "repo:api"), ("create_issue", "repo:web")]
    assert losses == [("read_file", "repo:web")]
    assert (report["against"], report["receipt"]) == ("base", None)
    proofs = {one["tool"]: one["movement"] for one in report["proofs"]}
    assert proofs == {"create_issue": "widens", "read_file": "narrows"}


def test_the_same_twice_changes_nothing_and_turned_round_gains_are_losses(client):
    assert compared(client, granted(API), granted(API))["access"] == []
    there, back = (
        moved(compared(client, *pair)) for pair in ((granted(READ), granted(API)), (granted(API), granted(READ)))
    )
    assert there["triage"] == tuple(reversed(back["triage"]))


def test_what_lives_beyond_both_counts_on_both_sides(client, registry):
    """A ceiling of another stack withholds on every branch what it does not cover."""

    def side(*grants):
        objects = {key: spec for key, spec in granted(*grants).items() if key[0] in {Kind.GRANTS, Kind.GRANT_SETS}}
        sent = body(objects)
        sent["stacks"][0]["stack"] = "app"
        return sent

    def gained():
        return moved(ask(client, ROUTE, json={"base": side(READ), "head": side(READ, API)}).json())

    assert gained() == {"triage": ([("read_file", "repo:api")], [])}
    web = Scope(tool_server="github", tools=frozenset({"read_file"}), resources=frozenset({"repo:web"}))
    registry.write(Kind.SCOPES, "web-only", web)
    registry.change(Kind.CEILINGS, "payments", scopes=frozenset({"web-only"}))
    assert gained() == {}


def test_the_gate_judges_the_step_from_base_to_head(client):
    head = granted(READ, DELETE)
    del head[Kind.POLICIES, "guards"]
    report = compared(client, granted(READ), head)
    assert report["gate"]["verdict"] == "needs_approval"
    witness = next(one["witness"] for one in report["proofs"] if one["agent"] == "triage")
    assert (witness["tool"], witness["resource"]) == ("delete_branch", "repo:web")


def test_two_revisions_of_a_policy_are_compared(client, registry):
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    registry.change(
        Kind.POLICIES, "guards", document='forbid(principal, action == Action::"github/read_file", resource);\n'
    )
    registry.change(
        Kind.POLICIES, "guards", document='forbid(principal, action == Action::"github/create_issue", resource);\n'
    )

    def at(base, head):
        sides = {"base": {"policies": base}, "head": {"policies": head}}
        answer = ask(client, ROUTE, json=sides)
        assert answer.status_code == 200, answer.text
        return {one["tool"]: one["movement"] for one in answer.json()["proofs"] if one["agent"] == "triage"}

    assert at({"guards": 1}, {"guards": 2}) == {"delete_branch": "widens", "read_file": "narrows"}
    assert at({"guards": 2}, {"guards": 1}) == {"delete_branch": "narrows", "read_file": "widens"}
    assert at({"guards": 1}, {}) == {"delete_branch": "widens", "create_issue": "narrows"}  # against what lives
    assert at({"guards": 3}, {}) == {}


def test_what_is_unknown_in_the_base_is_unproven_and_never_unchanged(client):
    sent = {"base": body(granted(READ)), "head": body(granted(READ))}
    row = next(one for one in sent["base"]["stacks"][0]["resources"] if one["values"].get("name") == READ.id)
    row["unknown"] = ["resources"]
    report = ask(client, ROUTE, json=sent).json()
    (one,) = report["unproven"]
    assert one["reason"] == "`resources` not known in what is compared with"
    assert report["gate"]["verdict"] != "auto"


def test_a_set_that_refers_to_its_grants_is_resolved_within_its_stack(client):
    sent = {"base": body(granted(READ)), "head": body(granted(READ, API))}
    for side in sent.values():
        rows = side["stacks"][0]["resources"]
        for at, row in enumerate(rows):
            row["address"] = f"r{at}"
        one = next(row for row in rows if row["type"] == "leasehold_agent_grants_exclusive")
        one["references"] = {"grants": [row["address"] for row in rows if row["type"] == "leasehold_grant"]}
        one["values"].pop("grants")
    report = ask(client, ROUTE, json=sent).json()
    assert moved(report) == {"triage": ([("read_file", "repo:api")], [])}
    assert report["unproven"] == []
    one["references"] = {"grants": ["r999"]}
    report = ask(client, ROUTE, json=sent).json()
    assert [one["attributes"] for one in report["unproven"]] == [["grants"]]


WRONG = [
    {"base": {}, "head": {}},
    {"base": {"stacks": [{"stack": "a", "resources": []}]}, "head": {}},
    {"base": {"stacks": [{"stack": "a", "resources": []}]}, "head": {"stacks": [{"stack": "b", "resources": []}]}},
    {"base": {"policies": {"guards": 0}}, "head": {}},
    {"base": {"policies": {"../x": 1}}, "head": {}},
    {"base": {"policies": {"guards": 1}}},
    {"base": {"policies": {"guards": 1}}, "head": {}, "more": 1},
]


@pytest.mark.parametrize("sent", WRONG)
def test_a_comparison_that_is_none_is_refused(client, sent):
    assert ask(client, ROUTE, json=sent).status_code == 422


@pytest.mark.parametrize(("name", "revision"), [("guards", 9), ("nobody", 1)])
def test_a_revision_that_never_lived_is_not_found(client, name, revision):
    sent = {"base": {"policies": {name: revision}}, "head": {}}
    assert ask(client, ROUTE, json=sent).status_code == 404


def test_strangers_compare_nothing(client):
    sent = {"base": {"policies": {"guards": 1}}, "head": {}}
    assert ask(client, ROUTE, token=None, json=sent).status_code == 401
    assert ask(client, ROUTE, token="forged", json=sent).status_code == 401
    assert ask(client, ROUTE, token="enforcer", json=sent).status_code == 403


@pytest.mark.parametrize("references", [{"owner": ["x"]}, {"grants": []}])
def test_only_a_set_of_grants_refers_to_others(client, references):
    sent = body()
    row = next(one for one in sent["stacks"][0]["resources"] if one["type"] == "leasehold_agent")
    row["references"] = references
    answer = ask(client, "/v1/plan-reviews", json=sent)
    assert answer.status_code == (422 if references else 200)
