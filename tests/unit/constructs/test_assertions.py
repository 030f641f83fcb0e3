"""`assert_can` and `assert_cannot`: what a user's unit test proves, and what it must never pass over."""

import json
from datetime import UTC, datetime

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
)

JUSTIFIED = {"allow_wildcard": True, "justification": "the whole organisation's code"}


@pytest.fixture
def platform(app):
    """The platform's stack: a person and a server with three tools."""
    stack = cdktf.TerraformStack(app, "platform")
    LeaseholdProvider(stack, "leasehold")
    Owner(stack, "alice", display_name="Alice", email="alice@example.com", team="web")
    ToolServer(
        stack,
        "github",
        url="https://github.example/mcp",
        tools={"read_file": "read", "create_comment": "write", "delete_branch": "delete"},
    )
    return stack


@pytest.fixture
def github():
    return ToolServer.named("github")


def declare(stack, *grants, **changes):
    return Agent(
        stack,
        changes.pop("name", "triage"),
        **{"owner": "alice", "review_by": "2027-05-01", "grants": grants} | changes,
    )


def refused(assertion, *arguments, **options):
    with pytest.raises(AssertionError) as failure:
        assertion(*arguments, **options)
    return str(failure.value)


def test_what_is_granted_is_allowed_and_nothing_else(stack, platform, github):
    agent = declare(stack, github.tool("read_file").on("repo:web"))
    for stacks in (
        stack,
        [stack],
        [platform, stack],
        cdktf.Testing.synth(stack),
        json.loads(cdktf.Testing.synth(stack)),
    ):
        assert_can(stacks, agent, "read_file", on="repo:web")
        assert_cannot(stacks, "triage", "read_file", on="repo:api")
        assert_cannot(stacks, agent, "delete_branch", on="repo:web")
    refused(assert_cannot, stack, agent, "read_file", on="repo:web")


def test_a_refutation_lists_all_that_the_agent_holds(stack, github):
    until = "2027-01-01T00:00:00Z"
    agent = declare(stack, github.tools("read_file", "create_comment").on("repo:web", expires_at=until))
    local = next(iter(json.loads(cdktf.Testing.synth(stack))["resource"]["leasehold_grant"]))
    assert refused(assert_can, stack, agent, "delete_branch", on="repo:web").splitlines() == [
        "agent `triage` cannot call `delete_branch` on `repo:web`; it holds:",
        f"  github.create_comment on repo:web until {until}, by leasehold_grant.{local}",
        f"  github.read_file on repo:web until {until}, by leasehold_grant.{local}",
    ]


def test_an_agent_without_grants_holds_nothing(stack):
    agent = declare(stack)
    assert refused(assert_can, stack, agent, "read_file", on="repo:web").endswith("it holds:\n  nothing")
    assert_cannot(stack, agent, "*", on="repo:*")


def test_a_pattern_must_be_covered_whole_to_be_allowed_and_untouched_to_be_forbidden(stack, github):
    agent = declare(stack, github.tool("read_file").on("repo:acme/*", **JUSTIFIED))
    assert_can(stack, agent, "read_file", on="repo:acme/web")
    assert_can(stack, agent, "read_file", on="repo:acme/web-*")
    refused(assert_can, stack, agent, "read_file", on="repo:*")
    refused(assert_cannot, stack, agent, "read_file", on="repo:*")
    refused(assert_cannot, stack, agent, "*", on="repo:*/web")
    assert_cannot(stack, agent, "read_file", on="repo:other/*")


def test_a_grant_of_every_tool_allows_each(stack, github):
    agent = declare(stack, github.tool("*").on("repo:web", **JUSTIFIED))
    assert_can(stack, agent, "delete_branch", on="repo:web")
    refused(assert_cannot, stack, agent, "delete_branch", on="repo:web")


def test_a_question_may_be_about_one_server(stack, github):
    agent = declare(stack, github.tool("search").on("repo:web"), ToolServer.named("slack").tool("post").on("channel:a"))
    assert_can(stack, agent, "search", on="repo:web", server=github)
    assert_cannot(stack, agent, "search", on="repo:web", server="slack")
    refused(assert_can, stack, agent, "search", on="repo:web", server="slack")


def test_a_scope_brings_its_tools_and_a_narrowed_one_only_its_share(stack, github):
    scope = Scope(stack, "reading", tool_server=github, tools=["read_file"], resources=["repo:web", "repo:api"])
    whole = declare(stack, scope.grant())
    narrowed = declare(stack, scope.on("repo:api", "repo:other"), name="narrow")
    assert_can(stack, whole, "read_file", on="repo:web")
    assert_cannot(stack, whole, "create_comment", on="repo:web")
    assert_can(stack, narrowed, "read_file", on="repo:api")
    for elsewhere in ("repo:web", "repo:other"):
        assert_cannot(stack, narrowed, "read_file", on=elsewhere)


def test_a_scope_of_a_stack_that_was_not_given_proves_nothing_either_way(stack, platform, github):
    Scope(platform, "reading", tool_server=github, tools=["read_file"], resources=["repo:web"])
    for grant in (Scope.named("reading").grant(), Scope.named("reading").on("repo:web")):
        agent = declare(stack, grant, name=f"triage-{len(grant.resources)}")
        assert "scope `reading` is declared in a stack that was not given" in refused(
            assert_can, stack, agent, "read_file", on="repo:web"
        )
        said = refused(assert_cannot, stack, agent, "delete_branch", on="repo:web")
        assert "may perhaps call" in said
        assert_can([stack, platform], agent, "read_file", on="repo:web")
        assert_cannot([stack, platform], agent, "delete_branch", on="repo:web")


@pytest.mark.parametrize("principal", ["team:web", "agent:triage", "environment:prod", "organization"])
def test_what_lies_above_a_ceiling_is_withheld(stack, platform, github, principal):
    scope = Scope(platform, "reading", tool_server=github, tools=["read_file"], resources=["repo:web"])
    Ceiling(platform, "bound", principal=principal, scopes=[scope])
    agent = declare(stack, github.tools("read_file", "delete_branch").on("repo:web"), environment="prod")
    assert_can([stack, platform], agent, "read_file", on="repo:web")
    assert_cannot([stack, platform], agent, "delete_branch", on="repo:web")
    said = refused(assert_can, [stack, platform], agent, "delete_branch", on="repo:web")
    assert "(withheld: above ceiling `bound`)" in said


def test_a_reach_that_sticks_out_of_a_ceiling_is_withheld_whole(stack, platform, github):
    scope = Scope(platform, "reading", tool_server=github, tools=["read_file"], resources=["repo:web"])
    Ceiling(platform, "bound", principal="organization", scopes=[scope])
    agent = declare(stack, github.tool("read_file").on("repo:*", **JUSTIFIED))
    assert_cannot([stack, platform], agent, "read_file", on="repo:web")


@pytest.mark.parametrize("principal", ["team:other", "agent:other", "environment:prod"])
def test_a_ceiling_of_others_bounds_no_one_else(stack, platform, github, principal):
    Ceiling(platform, "bound", principal=principal, scopes=[])
    agent = declare(stack, github.tool("read_file").on("repo:web"))
    assert_can([stack, platform], agent, "read_file", on="repo:web")


def test_a_ceiling_that_may_apply_proves_nothing_either_way(stack, github):
    Ceiling(stack, "bound", principal="team:web", scopes=[])
    agent = declare(stack, github.tool("read_file").on("repo:web"))
    said = refused(assert_can, stack, agent, "read_file", on="repo:web")
    assert "ceiling `bound` depends on a stack that was not given" in said
    refused(assert_cannot, stack, agent, "read_file", on="repo:web")


def test_a_ceiling_on_scopes_that_were_not_given_proves_nothing_either_way(stack, platform, github):
    Ceiling(stack, "bound", principal="organization", scopes=["reading"])
    agent = declare(stack, github.tool("read_file").on("repo:web"))
    refused(assert_can, stack, agent, "read_file", on="repo:web")
    refused(assert_cannot, stack, agent, "read_file", on="repo:web")
    Scope(platform, "reading", tool_server=github, tools=["create_comment"], resources=["repo:web"])
    assert_cannot([stack, platform], agent, "read_file", on="repo:web")


def test_a_suspended_agent_and_one_of_a_disabled_owner_can_nothing(stack, github):
    Owner(stack, "bob", display_name="Bob", email="bob@example.com", team="web", state="disabled")
    for name, changes in {"s": {"state": "suspended"}, "d": {"owner": "bob"}}.items():
        agent = declare(stack, github.tool("read_file").on("repo:web"), name=name, **changes)
        assert_cannot(stack, agent, "read_file", on="repo:web")
        assert "withheld: " in refused(assert_can, stack, agent, "read_file", on="repo:web")


def test_expiry_counts_only_from_the_time_asked_about(stack, github):
    agent = declare(stack, github.tool("read_file").on("repo:web", expires_at="2027-01-01T00:00:00Z"))
    assert_can(stack, agent, "read_file", on="repo:web")
    assert_can(stack, agent, "read_file", on="repo:web", at=datetime(2026, 12, 31, tzinfo=UTC))
    assert_cannot(stack, agent, "read_file", on="repo:web", at=datetime(2027, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "override",
    [
        {"tools": ["${var.tool}"], "resources": ["repo:web"], "tool_server": "github"},
        {"tools": ["read_file"], "resources": ["repo:web"], "tool_server": "github", "agent": "${var.agent}"},
    ],
)
def test_a_grant_that_is_known_only_at_apply_proves_nothing_either_way(stack, override):
    agent = declare(stack)
    stack.add_override("resource.leasehold_grant.by_hand", {"agent": "triage"} | override)
    assert "known only at apply" in refused(assert_can, stack, agent, "read_file", on="repo:web")
    refused(assert_cannot, stack, agent, "read_file", on="repo:web")


@pytest.mark.parametrize("attribute", ["tools", "resources"])
def test_a_scope_that_is_known_only_at_apply_proves_nothing_either_way(stack, github, attribute):
    scope = Scope(stack, "reading", tool_server=github, tools=["read_file"], resources=["repo:web"])
    agent = declare(stack, scope.grant())
    stack.add_override(f"resource.leasehold_scope.reading.{attribute}", ["${var.later}"])
    said = refused(assert_can, stack, agent, "read_file", on="repo:web")
    assert "part of scope `reading` is known only at apply" in said
    refused(assert_cannot, stack, agent, "read_file", on="repo:web")


def test_a_ceiling_of_an_environment_that_is_known_only_at_apply_proves_nothing_either_way(stack, github):
    Ceiling(stack, "bound", principal="environment:prod", scopes=[])
    agent = declare(stack, github.tool("read_file").on("repo:web"))
    stack.add_override("resource.leasehold_agent.triage.environment", "${var.environment}")
    refused(assert_can, stack, agent, "read_file", on="repo:web")
    refused(assert_cannot, stack, agent, "read_file", on="repo:web")


def test_an_expiry_that_is_known_only_at_apply_proves_nothing_about_a_time(stack, github):
    agent = declare(stack, github.tool("read_file").on("repo:web", expires_at="${var.until}"))
    at = datetime(2027, 1, 1, tzinfo=UTC)
    refused(assert_can, stack, agent, "read_file", on="repo:web", at=at)
    refused(assert_cannot, stack, agent, "read_file", on="repo:web", at=at)


def test_a_slip_in_the_question_never_passes_for_an_answer(stack, platform, github):
    agent = declare(stack, github.tool("read_file").on("repo:web"))
    with pytest.raises(ValueError, match="no agent `traige`: did you mean `triage`"):
        assert_cannot(stack, "traige", "read_file", on="repo:web")
    with pytest.raises(ValueError, match="has a tool `delete_brunch`: did you mean `delete_branch`"):
        assert_cannot([stack, platform], agent, "delete_brunch", on="repo:web")
    with pytest.raises(ValueError, match="has a tool `delete_brunch`"):
        assert_cannot([stack, platform], agent, "delete_brunch", on="repo:web", server=github)
    with pytest.raises(ValueError, match="type:identifier"):
        assert_cannot(stack, agent, "read_file", on="web")
    with pytest.raises(ValueError, match="not a synthesised stack"):
        assert_cannot("stack.json", agent, "read_file", on="repo:web")


def test_a_server_of_another_stack_is_trusted_about_its_tools(stack, github):
    agent = declare(stack, github.tool("read_file").on("repo:web"))
    assert_cannot(stack, agent, "whatever_it_has", on="repo:web")
