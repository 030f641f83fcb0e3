"""What the platform promises, as a test. Run it in this folder: `python -m pytest`."""

import cdktf
import pytest
from leasehold_cdktf import Agent, ToolServer, assert_can, assert_cannot
from platform_stack import Platform

GITHUB = ToolServer.named("github")


@pytest.fixture
def platform():
    return Platform(cdktf.Testing.app(), "platform")


def agent_of_payments(platform, *grants):
    return Agent(platform, "someone", owner="alice", review_by="2027-05-01", grants=grants)


def test_an_agent_of_payments_may_read_and_comment_in_acme(platform):
    agent = agent_of_payments(platform, GITHUB.tools("read_file", "create_comment").on("repo:acme/payments"))

    assert_can(platform, agent, "read_file", on="repo:acme/payments")
    assert_can(platform, agent, "create_comment", on="repo:acme/payments")


def test_an_agent_of_payments_never_deletes_a_branch(platform):
    agent = agent_of_payments(platform, GITHUB.tool("delete_branch").on("repo:acme/payments"))

    assert_cannot(platform, agent, "delete_branch", on="repo:acme/*")


def test_an_agent_of_payments_never_leaves_acme(platform):
    agent = agent_of_payments(platform, GITHUB.tool("read_file").on("repo:elsewhere/secrets"))

    assert_cannot(platform, agent, "*", on="repo:elsewhere/*")
