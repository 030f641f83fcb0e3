"""What a stack manages, nobody else's apply changes."""

import pytest
from tests.fakes.registry import AGENT, OWNER, RegistryClient, furnished


@pytest.fixture
def registry() -> RegistryClient:
    return furnished()


def test_what_a_stack_writes_it_manages(registry):
    written = registry.must("owners", "bob", OWNER, "prod")
    assert (written["stack"], written["managed_by"]) == ("prod", "prod")


def test_what_is_written_by_hand_nobody_manages(registry):
    assert registry.must("owners", "bob", OWNER)["stack"] is None


def test_another_stacks_object_is_neither_changed_nor_deleted(registry):
    registry.must("owners", "bob", OWNER, "staging")
    for answer in (
        registry.change("owners", "bob", {**OWNER, "team": "x"}, 1, "prod"),
        registry.create("owners", "bob", OWNER, "prod"),
        registry.delete("owners", "bob", 1, "prod"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "managed_elsewhere")
        assert answer.json()["stack"] == "staging"
        assert registry.audit()[0]["outcome"] == "denied"
    assert registry.get("owners", "bob").json()["revision"] == 1


def test_a_stack_adopts_what_nobody_manages_by_writing_it(registry):
    adopted = registry.change("agents", "triage", AGENT, 1, "prod").json()
    assert (adopted["revision"], adopted["stack"]) == (2, "prod")


def test_a_write_by_hand_leaves_an_object_to_its_stack(registry):
    registry.must("owners", "bob", OWNER, "prod")
    assert registry.change("owners", "bob", {**OWNER, "team": "x"}, 1).json()["stack"] == "prod"


def test_a_deleted_object_is_free_for_another_stack(registry):
    registry.must("owners", "bob", OWNER, "staging")
    registry.delete("owners", "bob", 1, "staging")
    assert registry.must("owners", "bob", OWNER, "prod")["stack"] == "prod"


def test_the_stack_of_a_role_binding_is_its_own_and_managed_by_says_the_other(registry):
    body = {"trust_issuer": "idp", "role": "developer", "teams": ["web"], "stack": "web", "oidc": {"subject": "ci"}}
    written = registry.must("workload-bindings", "ci", body, "platform")
    assert (written["stack"], written["managed_by"]) == ("web", "platform")
