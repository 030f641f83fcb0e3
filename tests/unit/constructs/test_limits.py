"""Limits on arguments: fluent to write, refused where they mean nothing, and proven in unit tests."""

import cdktf
import pytest

from leasehold_cdktf import (
    Agent,
    Ceiling,
    LeaseholdProvider,
    Owner,
    Scope,
    ToolServer,
    assert_can,
    assert_cannot,
    at_least,
    at_most,
    between,
    exactly,
    one_like,
    one_of,
    one_of_prefixes,
)


@pytest.fixture
def crm(stack):
    Owner(stack, "alice", display_name="Alice", email="alice@example.com", team="web")
    return ToolServer(
        stack, "crm", url="https://crm.example/mcp", tools={"refund": "write", "query": "read", "close": "delete"}
    )


def declare(stack, *grants):
    return Agent(stack, "billing", owner="alice", review_by="2027-05-01", grants=grants)


def refused(assertion, *arguments, **options):
    with pytest.raises(AssertionError) as failure:
        assertion(*arguments, **options)
    return str(failure.value)


def test_a_limit_reads_as_it_is_meant_and_synthesises_as_terraform_takes_it(stack, crm, resources):
    limited = crm.tool("refund").on("crm:acme").where(amount=at_most(50), table=one_of_prefixes("sales_", "finance_"))
    declare(stack, limited.where({"dry run": exactly(value=True)}))
    (grant,) = resources()["leasehold_grant"].values()
    assert grant["constraints"] == {
        "amount": {"max": 50},
        "dry run": {"boolean": True},
        "table": {"prefixes": ["finance_", "sales_"]},
    }


@pytest.mark.parametrize(
    ("limit", "attributes"),
    [
        (exactly("EUR"), {"one_of": ["EUR"]}),
        (exactly(5.0), {"numbers": [5]}),
        (exactly(value=False), {"boolean": False}),
        (one_of("b", "a", "b"), {"one_of": ["a", "b"]}),
        (one_of(2, 1.5), {"numbers": [1.5, 2]}),
        (one_like("a*"), {"globs": ["a*"]}),
        (at_most(0), {"max": 0}),
        (at_least(-0.5), {"min": -0.5}),
        (between(1, 2), {"min": 1, "max": 2}),
    ],
)
def test_each_limit_is_one_form(limit, attributes):
    assert limit.attributes() == attributes


@pytest.mark.parametrize(
    "make",
    [
        one_of,
        lambda: one_of(*map(str, range(65))),
        lambda: one_of("a", 1),
        lambda: one_of(*[1, True]),
        lambda: at_most(number=True),
        lambda: at_most("50"),
        lambda: at_most(float("nan")),
        lambda: at_most(float("inf")),
        lambda: at_most(10**400),
        lambda: at_most(1234567890123456),
        lambda: between(2, 1),
        one_of_prefixes,
        lambda: one_of_prefixes(""),
        lambda: one_like(*map(str, range(17))),
        lambda: exactly("x" * 257),
        lambda: exactly("a\u202eb"),
        lambda: exactly("${var.currency}"),
        lambda: one_of_prefixes("%{ if true }"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_where_it_is_written(make):
    with pytest.raises(ValueError, match=r".{15}"):
        make()


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"": at_most(1)},
        {"am\u200bount": at_most(1)},
        {"e\u0301": at_most(1)},
        {"${x}": at_most(1)},
        {"amount": 50},
        {f"a{at}": at_most(1) for at in range(17)},
        {"a": one_like(*"abcde"), "b": one_like(*"abcde")},
    ],
)
def test_arguments_that_cannot_be_limited_so_are_refused(crm, limits):
    with pytest.raises(ValueError, match=r".{15}"):
        crm.tool("refund").on("crm:acme").where(limits)


def test_an_argument_is_limited_once(crm):
    limited = crm.tool("refund").on("crm:acme").where(amount=at_most(50))
    with pytest.raises(ValueError, match="limited twice"):
        limited.where(amount=at_most(500))


def test_two_limits_on_one_tool_are_two_grants_and_either_is_enough(stack, crm, resources):
    refund = crm.tool("refund").on("crm:acme")
    agent = declare(
        stack,
        refund.where(amount=at_most(50)),
        refund.where(amount=between(50, 500), approved=exactly(value=True)),
    )
    assert len(resources()["leasehold_grant"]) == 2
    assert_can(stack, agent, "refund", on="crm:acme", arguments={"amount": 50, "note": "free"})
    assert_can(stack, agent, "refund", on="crm:acme", arguments={"amount": 400, "approved": True})
    assert_cannot(stack, agent, "refund", on="crm:acme", arguments={"amount": 400})
    assert_cannot(stack, agent, "refund", on="crm:acme", arguments={"amount": "50"})


def test_without_arguments_a_limited_grant_proves_neither(stack, crm):
    agent = declare(stack, crm.tool("refund").on("crm:acme").where(amount=at_most(50)))
    message = refused(assert_can, stack, agent, "refund", on="crm:acme")
    assert "crm.refund on crm:acme where amount ≤ 50" in message
    assert "can call `refund`" in refused(assert_cannot, stack, agent, "refund", on="crm:acme")
    assert_cannot(stack, agent, "refund", on="crm:acme", arguments={})
    message = refused(assert_can, stack, agent, "refund", on="crm:acme", arguments={"amount": 51})
    assert "with {'amount': 51}" in message


def test_a_scope_and_a_grant_on_it_limit_together(stack, crm):
    small = Scope(
        stack, "small", tool_server=crm, tools=["refund"], resources=["crm:acme"], where={"amount": at_most(100)}
    )
    agent = declare(stack, small.grant().where(currency=one_of("EUR")))
    assert_can(stack, agent, "refund", on="crm:acme", arguments={"amount": 100, "currency": "EUR"})
    for arguments in ({"amount": 101, "currency": "EUR"}, {"amount": 1}, {"currency": "EUR"}):
        assert_cannot(stack, agent, "refund", on="crm:acme", arguments=arguments)


def test_a_grant_beyond_its_scope_is_nothing(stack, crm):
    small = Scope(
        stack, "small", tool_server=crm, tools=["refund"], resources=["crm:acme"], where={"amount": at_most(100)}
    )
    agent = declare(stack, small.on("crm:acme").where(amount=at_most(200)))
    assert_cannot(stack, agent, "refund", on="crm:acme", arguments={"amount": 1})


def test_a_ceiling_with_a_limit_withholds_what_exceeds_it(stack, crm):
    on = {"tool_server": crm, "tools": ["refund"], "resources": ["crm:acme"]}
    low = Scope(stack, "low", **on, where={"amount": between(0, 50)})
    high = Scope(stack, "high", **on, where={"amount": between(50, 100)})
    Ceiling(stack, "cap", principal="agent:billing", scopes=[low, high])
    refund = crm.tool("refund").on("crm:acme")
    agent = declare(stack, refund.where(amount=between(10, 90)), refund.where(amount=at_least(0)))
    assert_can(stack, agent, "refund", on="crm:acme", arguments={"amount": 60})
    assert_cannot(stack, agent, "refund", on="crm:acme", arguments={"amount": 95})


def test_limits_that_are_known_at_apply_only_are_not_counted_on(app):
    stack = cdktf.TerraformStack(app, "hcl")
    LeaseholdProvider(stack, "leasehold")
    synthesised = {
        "resource": {
            "leasehold_agent": {"billing": {"name": "billing", "owner": "alice"}},
            "leasehold_grant": {
                "g": {
                    "agent": "billing",
                    "tool_server": "crm",
                    "tools": ["refund"],
                    "resources": ["crm:acme"],
                    "constraints": {"amount": {"max": "${var.limit}"}},
                }
            },
        }
    }
    call = {"on": "crm:acme", "arguments": {"amount": 1}}
    assert "known only at apply" in refused(assert_can, synthesised, "billing", "refund", **call)
    assert "may perhaps" in refused(assert_cannot, synthesised, "billing", "refund", **call)
