"""What the assistants can do and what they cannot. Run it in this folder: `python -m pytest`."""

import cdktf
import pytest
from assistants_stack import REPOSITORY, Assistants
from leasehold_cdktf import assert_can, assert_cannot

SHOP = f"repo:{REPOSITORY}"


@pytest.fixture
def stack():
    return Assistants(cdktf.Testing.app(), "assistants")


def test_the_review_agent_reads_its_repository_and_changes_nothing(stack):
    assert_can(stack, stack.reviewer, "git_diff", on=SHOP)
    for tool in ("git_commit", "git_reset", "git_checkout"):
        assert_cannot(stack, stack.reviewer, tool, on="repo:*")


def test_the_review_agent_reads_no_other_repository(stack):
    assert_cannot(stack, stack.reviewer, "git_diff", on="repo:/srv/git/payroll")


def test_the_support_agent_runs_no_statement_of_its_own(stack):
    assert_can(stack, stack.support, "list_tickets", on="customer:acme")
    assert_cannot(stack, stack.support, "execute_sql", on="tool_server:helpdesk")
