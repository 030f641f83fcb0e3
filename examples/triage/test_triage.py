"""What this agent can do and what it cannot, as a test. Run it in this folder: `python -m pytest`."""

import cdktf
import pytest
from leasehold_cdktf import assert_can, assert_cannot
from platform_stack import Platform
from triage_stack import HERE, Triage


@pytest.fixture
def triage():
    return Triage(cdktf.Testing.app(), "triage")


@pytest.fixture
def stacks(triage):
    """With the platform's, which holds the scope that is granted here and the ceiling above all of it."""
    return [triage, Platform(cdktf.Testing.app(), "platform")]


def test_it_reads_and_comments_in_its_own_repository(stacks, triage):
    assert_can(stacks, triage.agent, "read_file", on="repo:acme/payments")
    assert_can(stacks, triage.agent, "create_comment", on="repo:acme/payments")


def test_it_does_nothing_elsewhere(stacks, triage):
    assert_cannot(stacks, triage.agent, "*", on="repo:acme/web")


def test_it_never_deletes_a_branch(stacks, triage):
    assert_cannot(stacks, triage.agent, "delete_branch", on="repo:*")


def test_the_manifest_in_the_repository_is_the_one_that_is_rendered(triage):
    assert (HERE / "app.leasehold.yaml").read_text() == triage.manifest.render()
