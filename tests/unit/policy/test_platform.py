"""What each platform role may do, as a table; whatever the table does not say is denied."""

import itertools

import pytest

from leasehold.model.kinds import Kind
from leasehold.model.principal import Principal, Role
from leasehold.policy.decision import Deny, Permit
from leasehold.policy.platform import (
    PlatformAction,
    bootstrap_permit,
    decide_platform,
    is_above_ceilings,
    kind_of_node,
    within_teams,
)

WRITES = (PlatformAction.PUT, PlatformAction.DELETE)
NODES = ("registry", "owner", "agent", "deployment", "binding", "lease")
DEVELOPERS = {Kind.AGENTS, Kind.GRANTS, Kind.GRANT_SETS, Kind.DEPLOYMENTS, Kind.WORKLOAD_BINDINGS}


def principal(role, **more):
    teams = frozenset({"payments"}) if role is Role.DEVELOPER else frozenset()
    return Principal(id="p", role=role, teams=teams, **more)


def allowed(answer):
    return isinstance(answer, Permit)


@pytest.mark.parametrize(("role", "kind"), list(itertools.product(Role, Kind)))
def test_every_role_but_the_enforcer_reads_every_kind_and_few_write(role, kind):
    assert allowed(decide_platform(principal(role), PlatformAction.READ, kind)) is (role is not Role.ENFORCER)
    accepts = role is Role.APPROVER and kind in {Kind.DRIFT_EXCEPTIONS, Kind.TOOL_PINS}
    expected = role is Role.SECURITY_ADMIN or accepts or (role is Role.DEVELOPER and kind in DEVELOPERS)
    for action in WRITES:
        assert allowed(decide_platform(principal(role), action, kind)) is expected


@pytest.mark.parametrize("role", Role)
def test_the_audit_log_is_for_auditors_and_admins(role):
    answer = decide_platform(principal(role), PlatformAction.READ_AUDIT, "audit-events")
    assert allowed(answer) is (role in {Role.AUDITOR, Role.SECURITY_ADMIN})


@pytest.mark.parametrize("role", Role)
def test_who_asks_the_decision_point(role):
    askers = {
        PlatformAction.DECIDE: {Role.ENFORCER, Role.SECURITY_ADMIN},
        PlatformAction.SEARCH: {Role.ENFORCER, Role.AUDITOR, Role.SECURITY_ADMIN},
        PlatformAction.EXPLAIN: {Role.AUDITOR, Role.SECURITY_ADMIN},
        PlatformAction.OBSERVE: {Role.ENFORCER, Role.APPROVER, Role.SECURITY_ADMIN},
    }
    for action, roles in askers.items():
        assert allowed(decide_platform(principal(role), action, "decisions")) is (role in roles)


@pytest.mark.parametrize(("role", "node"), list(itertools.product(Role, NODES)))
def test_who_revokes_what(role, node):
    expected = role is Role.SECURITY_ADMIN or (role is Role.DEVELOPER and node in {"agent", "deployment", "lease"})
    assert allowed(decide_platform(principal(role), PlatformAction.REVOKE, node)) is expected


@pytest.mark.parametrize(("role", "kind"), list(itertools.product(Role, [*Kind, *NODES])))
def test_a_plan_only_identity_never_writes_whatever_its_role(role, kind):
    who = principal(role, plan_only=True)
    for action in (*WRITES, PlatformAction.REVOKE):
        assert isinstance(decide_platform(who, action, kind), Deny)
    assert not allowed(decide_platform(who, PlatformAction.DECIDE, kind))
    assert allowed(decide_platform(who, PlatformAction.READ, kind)) is (role is not Role.ENFORCER)


def test_a_permit_says_who_may_do_what():
    who = principal(Role.SECURITY_ADMIN)
    assert decide_platform(who, PlatformAction.PUT, Kind.OWNERS) == decide_platform(who, PlatformAction.PUT, "owners")
    assert (bootstrap_permit(who).principal, bootstrap_permit(who).kind) == (who, "bootstrap")


def developer_permit():
    permit = decide_platform(principal(Role.DEVELOPER), PlatformAction.PUT, Kind.AGENTS)
    assert isinstance(permit, Permit)
    return permit


@pytest.mark.parametrize(
    ("teams", "expected"),
    [
        (["payments"], True),
        (["payments", "payments"], True),
        ([], False),
        ([None], False),
        (["payments", None], False),
        (["marketing"], False),
        (["payments", "marketing"], False),
        ([""], False),
    ],
)
def test_a_developer_stays_within_the_teams(teams, expected):
    answer = within_teams(developer_permit(), teams)
    assert allowed(answer) is expected
    assert allowed(answer) or answer.reason


def test_teams_bind_no_other_role():
    permit = decide_platform(principal(Role.SECURITY_ADMIN), PlatformAction.PUT, Kind.OWNERS)
    assert within_teams(permit, [None]) == permit


def test_only_a_security_admin_grants_without_a_ceiling():
    admin = decide_platform(principal(Role.SECURITY_ADMIN), PlatformAction.PUT, Kind.GRANTS)
    assert is_above_ceilings(admin)
    assert not is_above_ceilings(developer_permit())


@pytest.mark.parametrize(
    ("node", "kind"), [("agent:triage", "agent"), ("registry", "registry"), ("lease:a:b", "lease")]
)
def test_the_kind_of_a_node_stands_before_its_first_colon(node, kind):
    assert kind_of_node(node) == kind
