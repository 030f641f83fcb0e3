"""`make demo-gateway`, as a newcomer runs it: real tool servers, the official client, and what it is refused."""

import pytest
from tests.e2e.demo.conftest import run_to_its_end

pytestmark = [pytest.mark.cdktf, pytest.mark.terraform]


def test_it_goes_as_told_and_leaves_nothing_behind(scratch):
    said = run_to_its_end(scratch, 14, "gateway")
    for told in (
        "it sees 3 of 12 tools: git_diff, git_log, git_show",
        'TOKEN = "[redacted:',
        "git_log on payroll: not allowed, resource_not_granted",
        "git_commit: Unknown tool: git_commit",
        "agent side: no, resource_not_granted",  # leasehold explain
        "acme's T-1 is closed",
        "which the agent may and Ana may not: not allowed, not_permitted",
        "401, bring a token for this tool server",  # revoked
        "denied  helpdesk/list_tickets by support for login/00u2ana not_permitted",  # the audit trail
        "its next call: Token exchange failed (401)",  # destroyed
    ):
        assert told in said
