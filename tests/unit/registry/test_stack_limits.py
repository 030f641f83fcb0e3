"""A pipeline that is limited to a stack finds no way out of it; the platform's own lets others in (decision 0016)."""

import pytest
from tests.fakes.registry import AGENT, AGENT_BINDING, ISSUER, RegistryClient, furnished

ADMIN = {"trust_issuer": "idp", "role": "security-admin", "oidc": {"subject": "mine"}}
DEVELOPER = {"trust_issuer": "idp", "role": "developer", "teams": ["web"], "oidc": {"subject": "mine"}}
READERS = [{"trust_issuer": "idp", "role": role, "oidc": {"subject": "mine"}} for role in ("viewer", "auditor")]
APPROVER = {"trust_issuer": "idp", "role": "approver", "oidc": {"subject": "mine"}}


@pytest.fixture
def registry() -> RegistryClient:
    return furnished()


def refused(answer, registry):
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), answer.text
    assert registry.audit()[0]["outcome"] == "denied"
    return True


@pytest.mark.parametrize("body", [ADMIN, DEVELOPER, APPROVER, *READERS])
@pytest.mark.parametrize("stack", ["staging", None])
def test_a_role_for_another_stack_or_for_none_is_refused(registry, body, stack):
    assert refused(registry.create("workload-bindings", "out", {**body, "stack": stack}, "prod"), registry)
    assert registry.get("workload-bindings", "out").status_code == 404


@pytest.mark.parametrize("body", [ADMIN, DEVELOPER, APPROVER, *READERS])
def test_a_role_for_its_own_stack_is_its_to_give(registry, body):
    assert registry.create("workload-bindings", "in", {**body, "stack": "prod"}, "prod").status_code == 201


def test_a_binding_is_not_moved_to_another_stack(registry):
    registry.must("workload-bindings", "in", {**ADMIN, "stack": "prod"}, "prod")
    assert refused(registry.change("workload-bindings", "in", {**ADMIN, "stack": "staging"}, 1, "prod"), registry)
    assert refused(registry.change("workload-bindings", "in", ADMIN, 1, "prod"), registry)


def test_a_binding_by_hand_is_neither_taken_over_with_another_subject_nor_deleted(registry):
    registry.must("workload-bindings", "ada", ADMIN)
    other = {**ADMIN, "oidc": {"subject": "prod-pipeline"}}
    assert refused(registry.change("workload-bindings", "ada", other, 1, "prod"), registry)
    assert refused(registry.change("workload-bindings", "ada", {**other, "stack": "prod"}, 1, "prod"), registry)
    assert refused(registry.delete("workload-bindings", "ada", 1, "prod"), registry)


def test_a_binding_by_hand_is_adopted_as_it_is(registry):
    registry.must("workload-bindings", "ada", ADMIN)
    adopted = registry.change("workload-bindings", "ada", ADMIN, 1, "prod")
    assert (adopted.status_code, adopted.json()["managed_by"]) == (200, "prod")
    later = registry.change("workload-bindings", "ada", {**ADMIN, "oidc": {"subject": "x"}}, 2, "prod")
    assert refused(later, registry)


def test_nobody_gives_away_what_only_the_unlimited_give(registry):
    admits = {**ADMIN, "stack": "prod", "may_admit": True}
    assert refused(registry.create("workload-bindings", "out", admits, "prod"), registry)
    assert registry.create("workload-bindings", "out", admits).status_code == 201


@pytest.mark.parametrize("body", [{**ADMIN, "may_admit": True}, {**DEVELOPER, "stack": "x", "may_admit": True}])
def test_who_may_admit_is_a_security_admin_of_a_stack(registry, body):
    answer = registry.create("workload-bindings", "x", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")


def test_the_trust_that_roles_beyond_it_rest_on_is_not_a_stacks_to_change(registry):
    """Whoever chooses the keys of an issuer is everybody whom it vouches for."""
    registry.must("workload-bindings", "ada", ADMIN)
    forged = {**ISSUER, "jwks": '{"keys": []}'}
    assert refused(registry.change("trust-issuers", "idp", forged, 1, "prod"), registry)
    adopted = registry.change("trust-issuers", "idp", ISSUER, 1, "prod")
    assert adopted.status_code == 200
    assert refused(registry.change("trust-issuers", "idp", forged, 2, "prod"), registry)
    assert registry.change("trust-issuers", "idp", forged, 2).status_code == 200


def test_an_issuer_that_only_its_own_roles_rest_on_is_a_stacks_to_change(registry):
    own = {**ISSUER, "issuer": "https://own.example.com"}
    registry.must("trust-issuers", "own", own, "prod")
    registry.must("workload-bindings", "in", {**ADMIN, "trust_issuer": "own", "stack": "prod"}, "prod")
    assert registry.change("trust-issuers", "own", {**own, "audiences": ["other"]}, 1, "prod").status_code == 200


def test_a_binding_to_an_agent_of_another_stack_is_refused(registry):
    registry.must("agents", "theirs", AGENT, "staging")
    answer = registry.create("workload-bindings", "pod", {**AGENT_BINDING, "agent": "theirs"}, "prod")
    assert (answer.status_code, answer.json()["code"], answer.json()["stack"]) == (409, "managed_elsewhere", "staging")
    assert (
        registry.create("workload-bindings", "pod", {**AGENT_BINDING, "agent": "theirs"}, "staging").status_code == 201
    )
    assert registry.create("workload-bindings", "pod2", AGENT_BINDING, "prod").status_code == 201


@pytest.mark.parametrize("door", ["client-secret", "registration-token"])
def test_a_secret_of_an_agent_of_another_stack_is_refused(registry, door):
    body = {**AGENT, "client_secret_allowed": True, "dynamic_clients": 1}
    registry.must("agents", "theirs", body, "staging")
    assert registry.send("POST", f"/v1/agents/theirs:{door}", "prod", json={}).json()["code"] == "managed_elsewhere"
    assert registry.send("POST", f"/v1/agents/theirs:{door}", "staging", json={}).status_code == 201
    if door == "client-secret":
        assert registry.send("DELETE", f"/v1/agents/theirs:{door}", "prod").json()["code"] == "managed_elsewhere"


@pytest.mark.parametrize("body", [DEVELOPER, *READERS])
@pytest.mark.parametrize("stack", ["web", None])
def test_the_platforms_stack_lets_people_and_the_pipelines_of_teams_in(registry, body, stack):
    written = registry.create("workload-bindings", "in", {**body, "stack": stack}, "platform")
    assert (written.status_code, written.json()["managed_by"]) == (201, "platform")
    changed = {**body, "stack": stack, "oidc": {"subject": "another"}}
    assert registry.change("workload-bindings", "in", changed, 1, "platform").status_code == 200
    assert registry.delete("workload-bindings", "in", 2, "platform").status_code == 204


@pytest.mark.parametrize("body", [ADMIN, APPROVER, {**ADMIN, "may_admit": True}])
def test_the_platforms_stack_makes_no_second_platform(registry, body):
    assert refused(registry.create("workload-bindings", "out", {**body, "stack": "web"}, "platform"), registry)


def test_the_platforms_stack_keeps_its_own_binding(registry):
    own = {**ADMIN, "stack": "platform", "may_admit": True, "oidc": {"subject": "platform-ci"}}
    registry.must("workload-bindings", "platform-ci", own)
    moved = {**own, "oidc": {"subject": "platform-ci-2"}}
    assert registry.change("workload-bindings", "platform-ci", moved, 1, "platform").status_code == 200


def test_the_platforms_stack_changes_an_issuer_of_people_unless_an_admin_of_all_is_among_them(registry):
    registry.must("workload-bindings", "dev", DEVELOPER)
    changed = {**ISSUER, "audiences": ["other"]}
    assert registry.change("trust-issuers", "idp", changed, 1, "platform").status_code == 200
    registry.must("workload-bindings", "ada", {**ADMIN, "oidc": {"subject": "ada"}})
    assert refused(registry.change("trust-issuers", "idp", ISSUER, 2, "platform"), registry)
