"""Policies, assertions and the version of a set of them."""

from dataclasses import replace

import pytest

from leasehold.model.errors import InvalidValue
from leasehold.model.policies import (
    Assertion,
    Assertions,
    Policy,
    PolicyMode,
    PolicyPermits,
    PolicySide,
    policy_set_version,
)
from leasehold.model.tools import Action, Tool, ToolAnnotations, ToolServer

FORBID = "forbid(principal, action, resource);"
POLICY = Policy(document=FORBID, side=PolicySide.AGENT)
SERVER = ToolServer(url="https://mcp.example.com", tools={"t": Tool(action=Action.READ)})
CALL = {"agent": "a", "tool_server": "s", "tool": "t"}
FOREIGN = {"subject": "user:alice", "action": "can_read", "resource": "todo:1"}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("", "at least one policy"),
        (" \n\t", "at least one policy"),
        ("x" * 65_537, "65536 bytes"),
        ("é" * 32_769, "65536 bytes"),
        ("forbid(\n\u202eprincipal);", "line 2 holds a control or invisible character (U+202E)"),
        ("a\x00", "U+0000"),
        ("a\u200b", "U+200B"),
        ("a\ud800", "U+D800"),
    ],
)
def test_a_document_that_nobody_can_read_is_none(document, said):
    with pytest.raises(InvalidValue) as refused:
        Policy(document=document, side=PolicySide.AGENT)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"agent": "a"},
        {"agent": "a", "tool_server": "s"},
        {"tool_server": "s", "tool": "t"},
        {**CALL, "tool": "*"},
        {**CALL, "agent": "A b"},
        {**CALL, "arguments": "[]"},
        {**CALL, "arguments": '{"a": 1, "a": 2}'},
        {**CALL, "arguments": '{"a": NaN}'},
        {**CALL, "arguments": '{"a": 1e999}'},
        {**CALL, "arguments": '{"a": 9223372036854775808}'},
        {**CALL, "arguments": '{"a": ' + "[" * 40 + "]" * 40 + "}"},
        {**CALL, "arguments": '{"a": ' + "[" * 30_000 + "]" * 30_000 + "}"},
        {**CALL, "arguments": '{"a": "\\ud800"}'},
        {**CALL, "resource": "web"},
        {**CALL, "subject": "user:x"},
        {**FOREIGN, "agent": "a"},
        {**FOREIGN, "arguments": '{"x": 1}'},
        {**FOREIGN, "subject": "alice"},
        {**FOREIGN, "action": "a\nb"},
        {"subject": "user:alice", "action": "can_read"},
    ],
)
def test_an_assertion_is_one_whole_request(request_):
    with pytest.raises(InvalidValue):
        Assertion(**request_)


def test_the_order_of_keys_and_the_layout_of_arguments_never_drift():
    one = Assertion(**CALL, arguments='{"b": [1, 2], "a": {"y": 1.50, "x": null}}')
    other = Assertion(**CALL, arguments='{ "a":{"x":null,"y":1.5},\n"b":[1,2] }')
    assert one == other
    assert one.arguments == '{"a":{"x":null,"y":1.5},"b":[1,2]}'


def test_a_policy_makes_no_more_assertions_than_a_plan_can_wait_for():
    with pytest.raises(InvalidValue):
        Assertions(allow=(Assertion(**CALL),) * 200, deny=(Assertion(**FOREIGN),) * 57)


@pytest.mark.parametrize(
    "changed",
    [
        ({"p": replace(POLICY, document=FORBID + "\n")}, {"s": SERVER}),
        ({"p": replace(POLICY, side=PolicySide.USER)}, {"s": SERVER}),
        ({"p": replace(POLICY, mode=PolicyMode.LOG_ONLY)}, {"s": SERVER}),
        ({"p": replace(POLICY, permits=PolicyPermits.BEYOND_GRANTS)}, {"s": SERVER}),
        ({"p": replace(POLICY, schema="entity User;")}, {"s": SERVER}),
        ({"q": POLICY}, {"s": SERVER}),
        ({"p": POLICY, "q": POLICY}, {"s": SERVER}),
        ({}, {"s": SERVER}),
        ({"p": POLICY}, {}),
        (
            {"p": POLICY},
            {"s": replace(SERVER, tools={"t": Tool(action=Action.READ, input_schema='{"type":"object"}')})},
        ),
        ({"p": POLICY}, {"s": replace(SERVER, tools={"t": Tool(action=Action.WRITE)})}),
        (
            {"p": POLICY},
            {"s": replace(SERVER, tools={"t": Tool(action=Action.READ, annotations=ToolAnnotations(title="T"))})},
        ),
    ],
)
def test_whatever_can_decide_otherwise_is_another_version(changed):
    assert policy_set_version(*changed) != policy_set_version({"p": POLICY}, {"s": SERVER})


def test_a_user_has_no_grants_to_go_beyond():
    with pytest.raises(InvalidValue):
        Policy(document=FORBID, side=PolicySide.USER, permits=PolicyPermits.BEYOND_GRANTS)


def test_words_and_order_leave_the_version_as_it_is():
    talking = replace(POLICY, description="why", assertions=Assertions(deny=(Assertion(**CALL),)))
    other = replace(SERVER, url="https://elsewhere.example.com", description="d")
    assert policy_set_version({"b": talking, "a": POLICY}, {"y": other, "x": SERVER}) == policy_set_version(
        {"a": POLICY, "b": POLICY}, {"x": SERVER, "y": SERVER}
    )


@pytest.mark.parametrize(
    "schema",
    ["", "[]", "true", '{"type": "string"}', "{}", '{"type": "object", "type": "object"}', "x" * 70_000],
)
def test_a_schema_of_arguments_is_one_of_an_object(schema):
    with pytest.raises(InvalidValue):
        Tool(action=Action.READ, input_schema=schema)


def test_a_schema_is_one_text_whatever_its_layout():
    one = Tool(action=Action.READ, input_schema='{"type":"object","properties":{"b":{},"a":{}}}')
    other = Tool(action=Action.READ, input_schema='{ "properties": {"a":{}, "b":{}},\n "type": "object" }')
    assert one == other
    assert one.input_schema == '{"properties":{"a":{},"b":{}},"type":"object"}'
