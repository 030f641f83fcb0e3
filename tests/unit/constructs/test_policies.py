"""Policies, users, resources, relations and the schemas of tools as constructs."""

import json
from decimal import Decimal

import cdktf
import pytest

from leasehold_cdktf import (
    Agent,
    Call,
    Owner,
    Policy,
    Question,
    Relation,
    Resource,
    Tool,
    ToolServer,
    User,
)
from leasehold_cdktf.collector import collector_of

FORBID = "forbid(principal, action, resource);"
LISTED = {
    "jsonrpc": "2.0",
    "id": 1,
    "result": {
        "tools": [
            {
                "name": "search",
                "description": "Finds\n  ${things}.\u202e",
                "inputSchema": {"type": "object", "properties": {"q": {"type": "string", "pattern": "%{x}"}}},
                "annotations": {"readOnlyHint": True, "vendorHint": 1},
            },
            {"name": "drop", "inputSchema": {"type": "object"}, "annotations": {"destructiveHint": True}},
        ]
    },
}


def declared(stack, kind):
    return collector_of(stack).resources[f"leasehold_{kind}"]


def test_a_policy_of_a_file_is_the_file_to_the_letter(stack, tmp_path):
    text = '// ${not} an %{expression}\nforbid(principal, action, resource) when { context.x like "${*" };\n'
    (tmp_path / "guards.cedar").write_text(text)
    Policy.from_file(stack, "guards", tmp_path / "guards.cedar", side="user", mode="log_only")
    found = declared(stack, "policy")["guards"]
    assert found == {
        "name": "guards",
        "side": "user",
        "mode": "log_only",
        "document": text.replace("${", "$${").replace("%{", "%%{"),
    }


def test_a_policy_stands_after_the_tool_servers_of_its_stack(stack):
    Policy(stack, "guards", document=FORBID, side="agent")
    github = ToolServer(stack, "github", url="https://mcp.example.com", tools={"read": "read"})
    written = json.loads(cdktf.Testing.synth(stack))["resource"]
    assert written["leasehold_policy"]["guards"]["depends_on"] == [github.fqn]
    assert "depends_on" not in written["leasehold_tool_server"]["github"]


def test_assertions_refer_to_what_they_name(stack):
    github = ToolServer(stack, "github", url="https://mcp.example.com", tools={"read": "read"})
    agent = Agent(stack, "triage", owner="alice", review_by="2027-05-01", grants=[])
    ada = User(stack, "ada", ids=["a"])
    call = Call(agent=agent, user=ada, tool_server=github, tool="read", resource="repo:web", arguments={"b": 1, "a": 2})
    foreign = Question(subject="user:x", action="can_read", resource="todo:1", properties={"ownerID": "x"})
    Policy(stack, "guards", document=FORBID, side="agent", allow=[foreign], deny=[call])
    assert declared(stack, "policy")["guards"]["assertions"] == {
        "allow": [{"subject": "user:x", "action": "can_read", "resource": "todo:1", "properties": '{"ownerID": "x"}'}],
        "deny": [
            {
                "agent": "${leasehold_agent.triage.name}",
                "user": "${leasehold_user.ada.name}",
                "tool_server": "${leasehold_tool_server.github.name}",
                "tool": "read",
                "resource": "repo:web",
                "arguments": '{"a": 2, "b": 1}',
            }
        ],
    }
    with pytest.raises(ValueError, match="did you mean `read`"):
        Policy(stack, "typo", document=FORBID, side="agent", deny=[Call(agent="a", tool_server=github, tool="raed")])


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda stack: Policy(stack, "p", document=" \n", side="agent"), "at least one policy"),
        (lambda stack: Policy(stack, "p", document="é" * 40_000, side="agent"), "65536 bytes"),
        (lambda stack: Policy(stack, "p", document="a\nb\u200b", side="agent"), "line 2"),
        (lambda stack: Policy(stack, "p", document=FORBID, side="both"), "`agent` or `user`"),
        (lambda _: Call(tool_server="s", tool="t"), "by an agent, for a user"),
        (lambda _: Call(agent="a", tool_server="s", tool="*"), "`\\*` is none"),
        (lambda _: Call(agent="a", tool_server="s", tool="t", resource="web"), "resource `web`"),
        (lambda _: Question(subject="ada", action="x", resource="a:b"), "subject `ada`"),
        (lambda stack: User(stack, "u", ids=[]), "at least one"),
        (lambda stack: User(stack, "u", ids="abc"), "list or set"),
        (lambda stack: User(stack, "u", ids=["a"], type="a:b"), "type `a:b`"),
        (lambda stack: User(stack, "u", ids=["a"], attributes={"x": 1.5}), "attribute `x`"),
        (lambda stack: User(stack, "u", ids=["a"], attributes={"x": [1]}), "attribute `x`"),
        (lambda stack: Resource(stack, "r", type="d", foreign_id="1", parents=["folder"]), "a parent `folder`"),
        (lambda stack: Relation(stack, "r", subject="ada", relation="owner", object="d:1"), "subject `ada`"),
        (lambda stack: Relation(stack, "r", subject="user:a", relation="Owner", object="d:1"), "relation `Owner`"),
        (lambda stack: acting(stack, "user:a", "user:b"), "not a `user`"),
        (lambda stack: acting(stack, "agent:a", "document:b"), "not a `document`"),
        (lambda _: Tool("read", input_schema={"type": "string"}), "type `object`"),
        (lambda _: Tool("read", annotations={"readonly": True}), "no annotation `readonly`"),
        (lambda _: Tool.listed({"tools": []}), "no `tools`"),
        (lambda _: Tool.listed(LISTED, actions={"serch": "read"}), "did you mean `search`"),
    ],
)
def test_a_mistake_is_caught_at_synth(stack, make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make(stack)


def test_attributes_keep_their_types(stack):
    values = {"a": True, "b": 1, "c": "1", "d": {"y", "x"}, "e": Decimal(50), "f": Decimal("0.25")}
    User(stack, "ada", ids={"b", "a"}, attributes=values)
    found = declared(stack, "user")["ada"]
    assert found["ids"] == ["a", "b"]
    assert json.dumps(found["attributes"]) == json.dumps(
        {"a": True, "b": 1, "c": "1", "d": ["x", "y"], "e": {"decimal": "50.0"}, "f": {"decimal": "0.25"}}
    )


def test_a_relation_is_named_by_what_it_joins_and_stands_after_it(stack):
    ada = User(stack, "ada", ids=["a"])
    minutes = Resource(stack, "minutes", type="document", foreign_id="4/2")
    relation = Relation(stack, "owns", subject=ada, relation="owner", object=minutes)
    assert relation.name == "document:4/2#owner@user:ada"
    (found,) = declared(stack, "relation").values()
    assert found == {
        "subject": "user:${leasehold_user.ada.name}",
        "relation": "owner",
        "object": "document:4/2",
        "depends_on": [minutes.fqn],
    }
    with pytest.raises(ValueError, match="declared twice"):
        Relation(stack, "again", subject="user:ada", relation="owner", object="document:4/2")


def acting(stack, subject, target):
    return Relation(stack, "acts", subject=subject, relation="acts_on_behalf_of", object=target)


def test_an_agent_that_acts_for_people_stands_before_the_relation_that_says_so(stack):
    owner = Owner(stack, "olga", display_name="Olga", email="olga@example.com", team="platform")
    agent = Agent(stack, "helper", owner=owner, review_by="2027-05-01", grants=[], deployment=False)
    relation = acting(stack, agent, "group:okta/board")
    assert relation.name == "group:okta/board#acts_on_behalf_of@agent:helper"
    (found,) = declared(stack, "relation").values()
    assert found == {
        "subject": "agent:${leasehold_agent.helper.name}",
        "relation": "acts_on_behalf_of",
        "object": "group:okta/board",
    }


def test_the_tools_of_a_server_are_taken_from_its_own_list(stack, tmp_path):
    (tmp_path / "tools.json").write_text(json.dumps(LISTED))
    tools = Tool.listed(tmp_path / "tools.json", actions={"drop": "delete"})
    assert tools == Tool.listed(LISTED["result"], actions={"drop": "delete"})
    ToolServer(stack, "jira", url="https://mcp.example.com", tools=tools)
    found = declared(stack, "tool_server")["jira"]["tools"]
    assert found["drop"]["action"] == "delete"
    assert found["search"] == {
        "action": "read",
        "description": "Finds $${things}.",
        "input_schema": '{"properties": {"q": {"pattern": "%%{x}", "type": "string"}}, "type": "object"}',
        "annotations": {"read_only_hint": True},
    }
