"""Data sources, list resources and functions, through the real handlers."""

import pytest
from tests.fakes.provider_host import Terraform
from tests.fakes.registry import DELETE, DELETE_GRANT, GRANT, READ

from leasehold_provider.functions import FUNCTIONS
from leasehold_provider.problems import plain
from leasehold_provider.protocol import FunctionError

CALLS = {function.name: function.call for function in FUNCTIONS}


def test_effective_access_is_what_the_registry_says(client, registry):
    registry.grant(GRANT)
    state = Terraform(client).read_data_source("leasehold_effective_access", {"agent": "triage"}).ok()
    assert state["access"] == [
        {
            "tool_server": "github",
            "tool": "read_file",
            "action": "read",
            "resource": "repo:web",
            "grant": READ,
            "expires_at": None,
            "constraints": "{}",
        }
    ]
    assert state["withheld"] == []


def test_withheld_access_says_why(client, registry):
    registry.grant(GRANT)
    registry.must("ceilings", "none", {"principal": "agent:triage", "scopes": []})
    state = Terraform(client).read_data_source("leasehold_effective_access", {"agent": "triage"}).ok()
    assert state["access"] == []
    assert [(one["reason"], one["ceiling"]) for one in state["withheld"]] == [("above_ceiling", "none")]


def test_unmanaged_grants_are_those_that_no_stack_manages(client, registry):
    registry.grant(GRANT, "prod")
    registry.grant(DELETE_GRANT)
    state = Terraform(client).read_data_source("leasehold_unmanaged_grants", {}).ok()
    assert [(one["name"], one["updated_by"]) for one in state["grants"]] == [(DELETE, "oidc:ada@example.com")]
    assert Terraform(client).read_data_source("leasehold_unmanaged_grants", {"agent": "x"}).state["grants"] == []


@pytest.mark.parametrize("type_name", ["agent", "owner", "scope", "tool_server"])
def test_a_listing_finds_what_lives_with_its_state(client, type_name):
    walk = Terraform(client)
    (found,) = walk.list(f"leasehold_{type_name}", {"managed": False})
    resource = walk.run.resources[f"leasehold_{type_name}"]
    identity = {"name": found["display_name"]}
    assert found["identity"]["identity_data"]["msgpack"]
    state = resource.schema.type.unpack(found["resource_object"]["msgpack"])
    assert resource.identify(state) == identity
    assert state == walk.import_by_name(resource.type_name, state["id"])


def test_a_listing_is_filtered_by_the_registry(client, registry):
    registry.grant(GRANT, "prod")
    registry.grant(DELETE_GRANT)
    walk = Terraform(client)
    assert [one["display_name"] for one in walk.list("leasehold_grant", {"managed": False})] == [DELETE]
    assert [one["display_name"] for one in walk.list("leasehold_grant", {"stack": "prod"})] == [READ]
    assert walk.list("leasehold_grant", {"agent": "nobody"}) == []
    assert len(walk.list("leasehold_grant", {}, limit=1)) == 1


def test_functions_answer_without_a_registry():
    assert CALLS["covers"]("repo:*", "repo:web") is True
    assert CALLS["grant_id"]("triage", "github", ["b", "a"], ["repo:web"]) == "triage/github.a+b@repo:web"
    limits = {"amount": {"max": 50}}
    assert CALLS["grant_id"]("triage", "web", [], [], limits) == "triage/web,amount:..50"
    assert CALLS["spiffe_id"]("acme.example", "triage") == "spiffe://acme.example/agent/triage"


@pytest.mark.parametrize(
    ("name", "arguments", "position"),
    [
        ("grant_id", ("Triage", "github", [], []), 0),
        ("grant_id", ("triage", "", [], []), 1),
        ("grant_id", ("triage", "github", ["a/b"], []), 2),
        ("grant_id", ("triage", "github", ["a"], ["web"]), 3),
        ("grant_id", ("triage", "github", ["a"], ["r:x"], {"amount": {"max": "50"}}), 4),
        ("grant_id", ("triage", "github", ["a"], ["r:x"], {}, {}), 4),
        ("grant_id", ("triage", "github", ["a"], ["r:x"], "amount"), 4),
        ("covers", ({"a": {"max": 1}}, "a"), 0),
        ("covers", ("a", 5), 1),
        ("covers", ({"a": {"max": True}}, {}), 0),
        ("covers", ({}, {"a": {"atmost": 1}}), 1),
        ("covers", ({}, {"a": 1}), 1),
        ("spiffe_id", ("Acme/x", "triage"), 0),
        ("spiffe_id", ("acme.example", "../x"), 1),
    ],
)
def test_a_wrong_argument_is_named(name, arguments, position):
    with pytest.raises(FunctionError) as wrong:
        CALLS[name](*arguments)
    assert wrong.value.argument == position


def test_text_of_others_cannot_command_a_terminal():
    assert plain("a\x1b[2Jb\u202ec\r\nd\u200b") == "a [2Jb c  d "
    assert len(plain("x" * 10_000)) == 2003


@pytest.mark.parametrize(
    ("wide", "narrow", "verdict"),
    [
        ({}, {"amount": {"max": 50}}, True),
        ({"amount": {"max": 50}}, {}, False),
        ({"amount": {"max": 50}}, {"amount": {"max": 50.0}}, True),
        ({"amount": {"max": 50}}, {"amount": {"max": 51}}, False),
        ({"amount": {"max": 50}}, {"amount": {"max": 20}, "currency": {"one_of": ["EUR"]}}, True),
        ({"table": {"prefixes": ["sales_", "hr_"]}}, {"table": {"globs": ["sales_*_eu"]}}, True),
        ({"table": {"prefixes": ["sales_"]}}, {"table": {"prefixes": ["sales_", "hr_"]}}, False),
        ({"table": {"prefixes": ["a*"]}}, {"table": {"prefixes": ["ab"]}}, False),
        ({"n": {"numbers": [1]}}, {"n": {"one_of": ["1"]}}, False),
    ],
)
def test_covers_compares_constraints_too(wide, narrow, verdict):
    assert CALLS["covers"](wide, narrow) is verdict
