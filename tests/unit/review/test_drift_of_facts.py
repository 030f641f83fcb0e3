"""Drift of what policies read: who can call more or less by it, named; what nobody can tell, said."""

from dataclasses import replace

import pytest
from tests.unit.review.worlds import Registry, declare, drift, only, organisation

from leasehold.model.directory import Relation, Resource, User
from leasehold.model.kinds import Kind
from leasehold.model.policies import Policy, PolicySide
from leasehold.review.findings import DriftClass, Risk

READ = 'action == Action::"github/read_file"'
BOB = User(ids=frozenset({"bob-at-idp"}))
WEB = Resource(type="repo", foreign_id="web", attributes={"public": False})
SHARED = Relation(subject="user:bob-at-idp", relation="shared_with", object="repo:web")
BY_ROLE = f'permit(principal in role::"support", {READ}, resource);\n'
BY_SHARE = f"permit(principal, {READ}, resource) when {{ resource is repo && principal in resource.shared_with }};\n"
BY_TEAMS = f'permit(principal, {READ}, resource) when {{ principal has teams && principal.teams == ["a"] }};\n'
IF_PUBLIC = f"permit(principal, {READ}, resource) when {{ resource has public && resource.public }};\n"


def world(document, side=PolicySide.USER, **more):
    registry = Registry()
    objects = {
        (Kind.POLICIES, "people"): Policy(document=document, side=side),
        (Kind.USERS, "bob"): replace(BOB, **more),
        (Kind.RESOURCES, "web"): WEB,
        (Kind.RELATIONS, "repo:api#shared_with@user:ada"): Relation(
            subject="user:ada", relation="shared_with", object="repo:api"
        ),
    }
    for key, spec in objects.items():
        registry.write(*key, spec, stack="prod")
    return registry, declare({**organisation(), **objects})


def test_a_role_given_by_hand_names_the_agent_the_tool_and_the_person():
    registry, declared = world(BY_ROLE)
    registry.change(Kind.USERS, "bob", roles=frozenset({"support"}))
    finding = only(drift(registry, declared))
    assert (finding.class_, finding.risk, finding.agent) == (DriftClass.WIDENED, Risk.MEDIUM, "triage")
    assert finding.sentence == "agent `triage` can now `read_file` on `repo:web`, for `bob`, through user `bob`"
    assert [(one.tool, one.resource) for one in finding.now_can] == [("read_file", "repo:web")]
    assert (finding.cause.actor, finding.cause.operation) == ("oidc:alice@example.com", "update")


def test_a_role_taken_by_hand_is_narrower():
    registry, declared = world(BY_ROLE, roles=frozenset({"support"}))
    registry.change(Kind.USERS, "bob", roles=frozenset())
    finding = only(drift(registry, declared))
    assert (finding.class_, finding.agent) == (DriftClass.NARROWED, "triage")
    assert finding.sentence == "agent `triage` can no longer `read_file` on `repo:web`, for `bob`, through user `bob`"


def test_a_resource_made_public_by_hand_widens():
    registry, declared = world(IF_PUBLIC, PolicySide.AGENT)
    registry.change(Kind.RESOURCES, "web", attributes={"public": True})
    finding = only(drift(registry, declared))
    assert (finding.class_, finding.agent) == (DriftClass.WIDENED, "triage")
    assert finding.sentence == "agent `triage` can now `read_file` on `repo:web`, through resource `web`"


def test_a_document_shared_by_hand_is_unmanaged_and_wider():
    registry, declared = world(BY_SHARE)
    registry.write(Kind.RELATIONS, SHARED.id, SHARED, stack="prod")
    finding = only(drift(registry, declared))
    assert finding.states == (DriftClass.UNMANAGED, DriftClass.WIDENED)
    assert finding.sentence.startswith("agent `triage` can now `read_file` on `repo:web`, for `bob`, through relation ")


def test_what_nobody_can_tell_is_unproven_of_that_agent():
    registry, declared = world(BY_TEAMS, attributes={"teams": frozenset({"b"})})
    registry.change(Kind.USERS, "bob", attributes={"teams": frozenset({"a"})})
    finding = only(drift(registry, declared))
    assert finding.sentence == "what agent `triage` can call is unproven, for `bob`, through user `bob`"
    assert DriftClass.UNPROVEN in finding.states


@pytest.mark.parametrize("attributes", [{"floor": 3}, {"teams": frozenset({"x"})}])
def test_what_no_policy_reads_stays_a_difference_of_nobody(attributes):
    registry, declared = world(BY_ROLE)
    registry.change(Kind.USERS, "bob", attributes=attributes)
    finding = only(drift(registry, declared))
    assert (finding.class_, finding.agent, finding.factors) == (DriftClass.CHANGED, None, ("decisions may differ",))


def test_the_fingerprint_of_a_finding_hangs_on_no_call():
    registry, declared = world(BY_ROLE)
    registry.change(Kind.USERS, "bob", roles=frozenset({"support"}))
    first = only(drift(registry, declared)).fingerprint
    assert only(drift(registry, declared)).fingerprint == first
