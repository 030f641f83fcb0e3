"""Who can become what: which way a binding moved, pin by pin."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.review.worlds import (
    BORN,
    CI,
    Registry,
    declare,
    drift,
    github_binding,
    only,
    organisation,
    role_binding,
)

from leasehold.model.deployments import Deployment
from leasehold.model.kinds import Kind
from leasehold.model.principal import Role
from leasehold.model.trust import GitHubActionsSubject, IssuerType, OidcSubject, TrustIssuer, WorkloadBinding
from leasehold.model.workloads import WorkloadKind
from leasehold.review.becoming import binding_shift, issuer_shift, matches_all
from leasehold.review.moves import combined
from leasehold.review.sentences import subject_of, target_of
from leasehold.review.shifts import Sides, shift
from leasehold.review.worlds import World

DEVELOPER = WorkloadBinding(
    trust_issuer="gh",
    role=Role.DEVELOPER,
    teams=frozenset({"web"}),
    stack="prod",
    oidc=OidcSubject(subject="ci"),
)


@pytest.mark.parametrize(
    ("was", "now", "wider", "narrower"),
    [
        (DEVELOPER, replace(DEVELOPER, teams=frozenset({"web", "pay"})), True, False),
        (replace(DEVELOPER, teams=frozenset({"web", "pay"})), DEVELOPER, False, True),
        (DEVELOPER, replace(DEVELOPER, stack=None), True, False),
        (DEVELOPER, replace(DEVELOPER, stack="other"), True, False),
        (replace(DEVELOPER, stack=None), DEVELOPER, False, True),
        (role_binding(Role.VIEWER), role_binding(Role.SECURITY_ADMIN), True, False),
        (role_binding(Role.SECURITY_ADMIN), role_binding(Role.VIEWER), False, True),
        (github_binding(ref="refs/heads/main"), github_binding(environment="prod"), True, True),
        (
            github_binding(ref="refs/heads/main", environment="prod"),
            github_binding(environment="prod"),
            True,
            False,
        ),
        (
            github_binding(environment="prod"),
            github_binding(ref="refs/heads/main", environment="prod"),
            False,
            True,
        ),
        (github_binding(ref="main"), replace(github_binding(ref="main"), trust_issuer="other"), True, True),
        (github_binding(ref="main"), replace(github_binding(ref="main"), agent="other"), True, False),
        (github_binding(ref="main"), replace(github_binding(ref="main"), deployment="d"), False, False),
    ],
)
def test_each_pin_and_each_power_moves_the_way_it_should(was, now, wider, narrower):
    moved = combined(binding_shift(was, now))
    assert (moved.wider, moved.narrower) == (wider, narrower)
    assert moved.factors


CLUSTER = TrustIssuer(type=IssuerType.KUBERNETES, issuer="https://k8s.example", audiences=frozenset({"a"}))
ALL, PODS = frozenset(WorkloadKind), frozenset({WorkloadKind.PODS})
ACCOUNT = TrustIssuer(type=IssuerType.AWS, issuer="https://a.example", audiences=frozenset({"a"}))
WATCHED = replace(CLUSTER, watch=ALL, api_server="https://10.0.0.1:6443", credential="prod")


@pytest.mark.parametrize(
    ("was", "now", "wider", "narrower"),
    [
        (CLUSTER, WATCHED, False, True),
        (WATCHED, CLUSTER, True, False),
        (WATCHED, replace(WATCHED, watch=PODS), True, False),
        (replace(WATCHED, watch=PODS), WATCHED, False, True),
        (WATCHED, replace(WATCHED, api_server="https://10.0.0.2:6443"), True, False),
        (WATCHED, replace(WATCHED, credential="other"), True, False),
        (CLUSTER, CLUSTER, False, False),
        (ACCOUNT, replace(ACCOUNT, reader_role_arn="arn:aws:iam::123456789012:role/r"), True, False),
    ],
)
def test_a_cluster_that_is_watched_less_is_trusted_more(was, now, wider, narrower):
    moved = combined(issuer_shift(was, now))
    assert (moved.wider, moved.narrower) == (wider, narrower)


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        (None, 30, "narrowed"),
        (30, None, "widened"),
        (30, 60, "widened"),
        (60, 30, "narrowed"),
    ],
)
def test_a_heartbeat_that_is_owed_later_or_never_widens(was, now, expected):
    empty = World({})
    declared, live = (Deployment(agent="triage", heartbeat_ttl=ttl) for ttl in (was, now))
    moved = shift(declared, live, Sides(declared=empty, live=empty))
    assert (moved.wider, moved.narrower) == (expected == "widened", expected == "narrowed")


PINS = st.one_of(st.none(), st.sampled_from(["a", "b"]))
SUBJECTS = st.builds(
    GitHubActionsSubject,
    repository_id=st.sampled_from(["1", "2"]),
    repository_owner_id=st.just("9"),
    job_workflow_ref=PINS,
    environment=st.just("prod"),
    ref=PINS,
)


@given(SUBJECTS, SUBJECTS)
def test_a_subject_covers_another_iff_it_admits_every_proof_of_it(wide, narrow):
    def admitted(subject):
        proofs = [(r, j, f) for r in "12" for j in "abc" for f in "abc"]
        pins = (subject.repository_id, subject.job_workflow_ref, subject.ref)
        return {proof for proof in proofs if all(pin in {None, given} for pin, given in zip(pins, proof, strict=True))}

    assert matches_all(wide, narrow) == (admitted(narrow) <= admitted(wide))


def test_subjects_of_different_sorts_never_cover_each_other():
    assert not matches_all(OidcSubject(subject="1"), github_binding(ref="main").github_actions)


def test_a_subject_is_told_with_every_pin():
    told = subject_of(github_binding(ref="refs/heads/main", environment="prod"))
    assert told == "runs of repository `1`, environment `prod`, ref `refs/heads/main` of `gh`"
    assert target_of(DEVELOPER) == "act as developer for `web` in stack `prod`"


def test_a_binding_that_only_hangs_leases_elsewhere_is_changed():
    registry = Registry()
    key = (Kind.WORKLOAD_BINDINGS, "triage-k8s")
    other = Deployment(agent="triage")
    registry.write(Kind.DEPLOYMENTS, "other", other, by=CI, at=BORN, stack="elsewhere")
    registry.change(*key, deployment="other")
    finding = only(drift(registry))
    assert (finding.class_, finding.now_can) == ("changed", ())
    assert "`deployment` is `other`, declared absent" in finding.sentence


def test_a_deployment_of_another_agent_is_widened():
    registry = Registry()
    registry.write(Kind.AGENTS, "other", organisation()[Kind.AGENTS, "triage"], stack="elsewhere")
    registry.change(Kind.DEPLOYMENTS, "triage-prod", agent="other")
    found = {one.class_ for one in drift(registry, declare()).findings if one.kind is Kind.DEPLOYMENTS}
    assert found == {"widened"}


def test_a_cause_is_told_even_of_an_object_that_was_deleted_and_made_again():
    registry = Registry()
    scope = organisation()[Kind.SCOPES, "issues"]
    registry.delete(Kind.SCOPES, "issues")
    registry.write(Kind.SCOPES, "issues", replace(scope, tools=frozenset({"create_issue", "read_file"})))
    finding = only(drift(registry))
    assert finding.cause is not None
    assert finding.cause.operation == "create"
