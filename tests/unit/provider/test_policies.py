"""Policies in a plan: refused where they stand, with the line inside the document; never a false alarm."""

import json
from pathlib import Path

import pytest

from leasehold.model import directory
from leasehold.model.errors import InvalidValue
from leasehold.model.policies import check_document
from leasehold_provider import names
from leasehold_provider.protocol import UNKNOWN
from leasehold_provider.relation_ids import relation_id

POLICY = {
    "name": "guards",
    "side": "agent",
    "document": 'forbid(principal, action == Action::"github/read_file", resource);',
}
JIRA = {"name": "jira", "url": "https://mcp.example.com/jira", "tools": {"search": {"action": "read"}}}
ABOUT_JIRA = {**POLICY, "document": 'permit(\n  principal,\n  action == Action::"jira/search",\n  resource);'}
VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "relation_ids.json").read_text())


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (
            "forbid(principal, action, resource)\nwhen { context.x == };",
            "line 2, column 22 of the document: unexpected token `}`",
        ),
        ("permit(principal, action, resource);", "line 1, column 1 of the document: a permit must name its actions"),
        (
            'forbid(principal,\n action == Action::"github/read_fil", resource);',
            "line 2, column 20 of the document: tool server `github` lists no tool `read_fil`; did you mean",
        ),
    ],
)
def test_a_document_that_the_registry_would_refuse_stops_the_plan_at_its_attribute(terraform, document, said):
    outcome = terraform.plan("leasehold_policy", {**POLICY, "document": document})
    assert outcome.paths == ["document"]
    assert outcome.errors[0].startswith(f"Policy refused: {said}")


def test_a_schema_that_the_registry_would_refuse_stops_the_plan_at_its_attribute(terraform):
    outcome = terraform.plan("leasehold_policy", {**POLICY, "schema": "entity A; entity A;"})
    assert outcome.paths == ["schema"]
    assert "line 1, column 1 of the schema: " in outcome.errors[0]


def test_a_change_for_the_worse_is_refused_too_and_no_change_asks_nothing(terraform, client):
    state = terraform.create("leasehold_policy", POLICY)
    assert terraform.plan("leasehold_policy", {**POLICY, "document": "forbid("}, state).errors
    asked = client.count("POST", "/v1/policies:check")
    assert terraform.plan("leasehold_policy", POLICY, state).ok() == state
    assert client.count("POST", "/v1/policies:check") == asked


def test_a_tool_server_planned_before_in_the_same_run_counts(terraform):
    terraform.plan("leasehold_tool_server", JIRA).ok()
    assert terraform.plan("leasehold_policy", ABOUT_JIRA).diagnostics == []


def test_only_the_tool_servers_that_a_document_names_go_along(terraform, client):
    for name in ("jira", "wiki"):
        terraform.plan("leasehold_tool_server", {**JIRA, "name": name, "url": f"https://{name}.example.com"}).ok()
    terraform.plan("leasehold_policy", ABOUT_JIRA).ok()
    assert [one["name"] for one in json.loads(client.bodies[-1])["tool_servers"]] == ["jira"]


@pytest.mark.parametrize("server", [None, {**JIRA, "url": UNKNOWN}])
def test_a_tool_that_may_come_to_live_in_this_run_is_a_warning(terraform, server):
    if server is not None:
        terraform.plan("leasehold_tool_server", server).ok()
    outcome = terraform.plan("leasehold_policy", ABOUT_JIRA)
    assert outcome.errors == []
    assert outcome.paths == ["document"]
    assert "line 3, column 21 of the document: no tool server is named `jira`" in outcome.warnings[0]
    assert "depends_on" in outcome.warnings[0]


def test_a_document_that_is_not_known_yet_is_not_checked(terraform, client):
    assert terraform.plan("leasehold_policy", {**POLICY, "document": UNKNOWN}).diagnostics == []
    assert client.count("POST") == 0


def test_what_the_registry_refuses_at_apply_is_told_at_the_attribute(terraform, registry):
    planned = terraform.plan("leasehold_policy", POLICY).ok()
    live = registry.get("tool-servers", "github").json()
    tools = {"other": {"action": "read"}}
    registry.change("tool-servers", "github", {"url": live["url"], "tools": tools}, live["revision"])
    outcome = terraform.apply("leasehold_policy", POLICY, planned, None)
    assert outcome.paths == ["document"]
    assert "line 1: tool server `github` lists no tool `read_file`" in outcome.errors[0]


@pytest.mark.parametrize(
    ("type_name", "config"),
    [
        ("leasehold_policy", {**POLICY, "document": " "}),
        ("leasehold_policy", {**POLICY, "document": "a\u202e"}),
        ("leasehold_policy", {**POLICY, "side": "both"}),
        ("leasehold_policy", {**POLICY, "mode": "off"}),
        ("leasehold_user", {"name": "a", "ids": []}),
        ("leasehold_user", {"name": "a", "ids": ["a\n"]}),
        ("leasehold_user", {"name": "a", "ids": ["a"], "attributes": "x"}),
        ("leasehold_user", {"name": "a", "ids": ["a"], "attributes": {"x": 1.5}}),
        ("leasehold_user", {"name": "a", "ids": ["a"], "attributes": {"x": {"decimal": 1}}}),
        ("leasehold_user", {"name": "a", "ids": ["a"], "attributes": {"x": ["a", "a"]}}),
        ("leasehold_user", {"name": "a", "ids": ["a"], "attributes": {"x": [1]}}),
        ("leasehold_user", {"name": "a", "ids": ["a"], "attributes": {"x": 2**63}}),
        ("leasehold_user", {"name": "a", "ids": ["a"], "attributes": {"__entity": "x"}}),
        ("leasehold_resource", {"name": "a", "type": "1", "foreign_id": "1"}),
        ("leasehold_resource", {"name": "a", "type": "d", "foreign_id": "1", "parents": ["x"]}),
        ("leasehold_relation", {"subject": "alice", "relation": "owner", "object": "d:1"}),
        ("leasehold_relation", {"subject": "user:a", "relation": "Owner", "object": "d:1"}),
        ("leasehold_tool_server", {**JIRA, "tools": {"t": {"action": "read", "input_schema": "[]"}}}),
        ("leasehold_tool_server", {**JIRA, "tools": {"t": {"action": "read", "input_schema": '{"type": "string"}'}}}),
    ],
)
def test_what_no_registry_would_take_is_told_before_one_is_asked(terraform, client, type_name, config):
    assert terraform.validate(type_name, config).errors != []
    assert client.requests == []


def test_relations_are_listed_by_either_end(terraform):
    for subject in ("user:ada", "user:bob"):
        terraform.create("leasehold_relation", {"subject": subject, "relation": "owner", "object": "d:1"})
    found = terraform.list("leasehold_relation", {"subject": "user:ada"})
    assert [one["display_name"] for one in found] == ["d:1#owner@user:ada"]


@pytest.mark.parametrize(
    ("subject", "object_", "path"),
    [("user:a", "user:b", "subject"), ("agent:triage", "document:1", "object"), ("agent:triaje", "user:a", "subject")],
)
def test_who_cannot_act_or_be_acted_for_stops_the_plan(terraform, subject, object_, path):
    config = {"subject": subject, "relation": "acts_on_behalf_of", "object": object_}
    outcome = terraform.plan("leasehold_relation", config)
    assert outcome.paths == [path]
    assert terraform.plan("leasehold_relation", {**config, "subject": "agent:triage", "object": "user:a"}).errors == []


@pytest.mark.parametrize("vector", VECTORS["cases"], ids=lambda vector: vector["id"][:60])
def test_a_relation_is_named_as_the_registry_names_it(vector):
    assert relation_id(vector["subject"], vector["relation"], vector["object"], vector["through"]) == vector["id"]


PAIRS = {
    names.check_entity: lambda text: directory.entity_id(text, "x"),
    names.check_entity_type: directory.check_entity_type,
    names.check_foreign_id: lambda text: directory.check_foreign_id(text, "x"),
    names.check_relation: lambda text: directory.check_relation(text, "x"),
    names.check_document: check_document,
}
TEXTS = [
    *(
        "",
        "a",
        "A",
        "1",
        "_a",
        "-a",
        "a-b",
        "a_b",
        "a.b",
        "a:b",
        "a:",
        ":a",
        "1:a",
        "a:b:c",
        "a b",
        "a:b c",
        "a\n",
        "\n",
    ),
    *("é", "a:é", "a\u202e", "a\x00", "a\tb", "x" * 63, "x" * 64, "x" * 65, "a:" + "x" * 256, "a:" + "x" * 257),
    *("x" * 256, "x" * 257, "x" * 65_536, "x" * 65_537, "é" * 32_768, "é" * 32_769, "a\r\nb", "owner", "Owner", "٣"),
]


@pytest.mark.parametrize("check", PAIRS)
def test_the_provider_refuses_exactly_what_the_registry_refuses(check):
    for text in TEXTS:
        try:
            PAIRS[check](text)
        except InvalidValue:
            refused = True
        else:
            refused = False
        assert (check(text) is not None) == refused, repr(text[:40])
