"""Constraints on arguments in the registry: refused where they are wrong, held under ceilings, ended when narrowed."""

import json

import pytest
from tests.fakes.registry import AGENT, SCOPE, WIDE, RegistryClient, furnished, name_of_grant, path

LIMITED = {
    "agent": "triage",
    "tool_server": "github",
    "tools": ["create_issue"],
    "resources": ["repo:web"],
    "constraints": {"amount": {"max": 50}},
}
NAME = "triage/github.create_issue@repo:web,amount:..50"
SMALL = {**SCOPE, "constraints": {"amount": {"max": 100}}}


def limited(**constraints: object) -> dict[str, object]:
    return {**LIMITED, "constraints": constraints}


@pytest.fixture
def registry() -> RegistryClient:
    return furnished()


def ceiling(registry, *scopes):
    registry.must("ceilings", "payments", {"principal": "team:payments", "scopes": list(scopes)})


def raw(registry, constraints: str, name: str = NAME):
    body = json.dumps({**LIMITED, "constraints": 0}).replace(": 0}", f": {constraints}}}")
    headers = {"If-None-Match": "*", "Content-Type": "application/json"}
    return registry.send("PUT", path("grants", name), content=body.encode(), headers=headers)


def test_a_constrained_grant_is_named_and_read_back(registry):
    assert registry.grant(LIMITED)["name"] == NAME
    live = registry.get("grants", NAME).json()
    assert live["constraints"]["amount"]["max"] == 50
    (entry,) = registry.send("GET", "/v1/effective-access?agent=triage").json()["access"]
    assert (entry["tool"], entry["constraints"]) == ("create_issue", {"amount": {"range": {"max": 50}}})


def test_a_constrained_grant_under_another_name_is_refused(registry):
    answer = registry.create("grants", "triage/github.create_issue@repo:web", LIMITED)
    assert answer.status_code == 422
    assert NAME in answer.text
    assert registry.create("grants", NAME, limited(amount={"max": 60})).status_code == 422


@pytest.mark.parametrize(
    "constraints",
    [
        '{"amount": {"max": 50}, "amount": {"max": 5000}}',
        '{"amount": {"max": 50, "max": 5000}}',
        '{"amount": {"min": 0, "max": 1e400}}',
        '{"amount": {"max": -1e400}}',
        '{"amount": {"max": NaN}}',
        '{"amount": {"max": Infinity}}',
        '{"amount": {"max": 99999999999999999999999999}}',
        '{"amount": {"max": "50"}}',
        '{"amount": {}}',
        '{"amount": null}',
        '{"amount": {"max": 50, "unless": "admin"}}',
        '[{"amount": {"max": 50}}]',
        '{"\\ud800": {"max": 50}}',
        '{"am\\u200bount": {"max": 50}}',
        "{" + ",".join(f'"a{at}": {{"max": 1}}' for at in range(10_000)) + "}",
        '{"a": {"one_of": [' + ",".join(f'"{at}"' for at in range(10_000)) + "]}}",
        '{"a":' * 500 + "1" + "}" * 500,
    ],
)
def test_what_nobody_could_agree_on_is_refused_and_nothing_is_written(registry, constraints):
    before = registry.changes()
    answer = raw(registry, constraints)
    assert answer.status_code in {400, 422}, answer.text
    assert registry.changes() == before


def test_a_ceiling_with_a_limit_refuses_more_and_admits_less(registry):
    registry.must("scopes", "small", SMALL)
    ceiling(registry, "small")
    answer = registry.create("grants", NAME.replace("50", "101"), limited(amount={"max": 101}))
    assert (answer.json()["code"], answer.json()["ceiling"]) == ("above_ceiling", "payments")
    assert "with these values of `amount`" in answer.json()["detail"]
    bare = {name: value for name, value in LIMITED.items() if name != "constraints"}
    assert registry.create("grants", name_of_grant(bare), bare).json()["code"] == "above_ceiling"
    registry.grant(LIMITED)
    registry.grant(limited(amount={"min": 1, "max": 100}, currency={"one_of": ["EUR"]}))


def test_two_scopes_of_a_ceiling_cover_a_range_between_them(registry):
    for name, bounds in (("low", {"min": 0, "max": 50}), ("high", {"min": 50, "max": 100})):
        registry.must("scopes", name, {**SCOPE, "constraints": {"amount": bounds}})
    ceiling(registry, "low", "high")
    registry.grant(limited(amount={"min": 10, "max": 90}))


def test_what_cannot_be_decided_is_refused_and_said_so(registry):
    names = ["a", "b", "c", "d", "e", "f", "g"]
    for at in range(6):
        bounds = {name: {"min": at, "max": at + 2} for name in names}
        registry.must("scopes", f"part{at}", {**SCOPE, "constraints": bounds})
    ceiling(registry, *(f"part{at}" for at in range(6)))
    wanted = limited(**{name: {"min": 1, "max": 7} for name in names})
    answer = registry.create("grants", name_of_grant(wanted), wanted)
    assert answer.json()["code"] == "above_ceiling"
    assert "cannot be shown to cover" in answer.json()["detail"]


def test_a_grant_on_a_scope_stays_within_its_constraints(registry):
    registry.must("scopes", "small", SMALL)
    wide = {"agent": "triage", "scope": "small", "constraints": {"amount": {"max": 200}}}
    answer = registry.create("grants", name_of_grant(wide), wide)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "constraints"
    registry.grant({"agent": "triage", "scope": "small", "resources": ["repo:web"]})
    registry.grant({"agent": "triage", "scope": "small", "constraints": {"amount": {"max": 20}}})
    told = registry.send("GET", "/v1/effective-access?agent=triage").json()["access"]
    assert {one["constraints"]["amount"]["range"]["max"] for one in told} == {100, 20}


@pytest.mark.parametrize(
    ("constraints", "bumps"),
    [
        ({"amount": {"max": 99}}, 1),
        ({"amount": {"max": 100}, "currency": {"one_of": ["EUR"]}}, 1),
        ({"amount": {"numbers": [1, 2]}}, 1),
        ({"note": {"max": 100}}, 1),
        ({"amount": {"max": 101}}, 0),
        ({"amount": {"max": 100.0}}, 0),
        ({}, 0),
    ],
)
def test_narrowing_the_constraints_of_a_scope_ends_tokens_and_widening_does_not(registry, constraints, bumps):
    live = registry.must("scopes", "small", SMALL)
    registry.grant({"agent": "triage", "scope": "small"})
    before = registry.generation("agent:triage")
    assert registry.change("scopes", "small", {**SCOPE, "constraints": constraints}, live["revision"]).is_success
    assert registry.generation("agent:triage") - before == bumps


def test_a_ceiling_that_gets_a_limit_withholds_and_ends_what_has_none(registry):
    bare = {name: value for name, value in LIMITED.items() if name != "constraints"}
    registry.grant(bare)
    registry.grant(LIMITED)
    before = registry.generation("agent:triage")
    registry.must("scopes", "small", SMALL)
    ceiling(registry, "small")
    assert registry.generation("agent:triage") == before + 1
    told = registry.send("GET", "/v1/effective-access?agent=triage").json()
    assert [one["grant"] for one in told["access"]] == [NAME]
    assert [(one["grant"], one["reason"]) for one in told["withheld"]] == [(name_of_grant(bare), "above_ceiling")]


def test_replacing_a_grant_by_a_narrower_one_ends_what_the_first_gave(registry):
    live = registry.grant(LIMITED)
    before = registry.generation("agent:triage")
    registry.grant(limited(amount={"max": 10}))
    assert registry.generation("agent:triage") == before
    assert registry.delete("grants", NAME, live["revision"]).is_success
    assert registry.generation("agent:triage") == before + 1


def test_an_exclusive_claim_tells_two_limits_apart(registry):
    registry.grant(LIMITED)
    other = registry.grant(limited(amount={"max": 60}))["name"]
    registry.must("grant-sets", "triage", {"grants": [NAME], "seen": [NAME, other]})
    assert registry.get("grants", other).status_code == 404
    assert registry.get("grants", NAME).status_code == 200


def test_names_with_percent_signs_are_found_as_they_are(registry):
    spec = limited(**{"a b/é": {"one_of": ["x%20y"]}})
    name = registry.grant(spec)["name"]
    assert "%20" in name
    assert registry.get("grants", name).json()["name"] == name
    assert registry.get("grants", name.replace("%20", " ")).status_code == 404


def test_the_snapshot_carries_constraints(registry):
    registry.must("scopes", "small", SMALL)
    registry.grant(LIMITED)
    found = registry.send("GET", "/v1/snapshot").json()["objects"]
    assert [one["constraints"]["amount"]["max"] for one in found["grants"]] == [50]
    assert {one["name"]: one["constraints"] for one in found["scopes"]}["everything"] == {}


def test_the_ceiling_above_everything_still_covers_what_is_limited(registry):
    assert WIDE["tools"] == ["*"]
    registry.must("agents", "bot", AGENT)
    registry.grant({**LIMITED, "agent": "bot"})
