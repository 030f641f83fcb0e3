"""What each platform role may do. Whatever is not written here is denied."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from leasehold.model.kinds import Kind
from leasehold.model.leases import Node
from leasehold.model.principal import Principal, Role
from leasehold.policy.decision import Deny, Permit


class PlatformAction(StrEnum):
    """What a caller of the control plane can ask for."""

    READ = "read"
    READ_AUDIT = "read-audit"
    PUT = "put"
    DELETE = "delete"
    REVOKE = "revoke"
    SIMULATE = "simulate"
    APPROVE = "approve"


_WRITES = frozenset({PlatformAction.PUT, PlatformAction.DELETE, PlatformAction.REVOKE})
_AUDITORS = frozenset({Role.AUDITOR, Role.SECURITY_ADMIN})
_SIMULATORS = frozenset({Role.AUDITOR, Role.DEVELOPER, Role.SECURITY_ADMIN})
_APPROVERS = frozenset({Role.APPROVER, Role.SECURITY_ADMIN})
_DEVELOPERS_WRITE = frozenset(
    {Kind.AGENTS, Kind.GRANTS, Kind.GRANT_SETS, Kind.DEPLOYMENTS, Kind.WORKLOAD_BINDINGS},
)
_DEVELOPERS_REVOKE = frozenset({"agent", "deployment", "lease", "task"})


def decide_platform(principal: Principal, action: PlatformAction, kind: str) -> Permit | Deny:  # noqa: PLR0911  one arm per action
    """May the principal do this to objects of `kind`? For a revocation, `kind` is the kind of node."""
    permit = Permit(principal, action.value, kind)
    if action is PlatformAction.READ:
        return permit
    if action is PlatformAction.READ_AUDIT:
        return permit if principal.role in _AUDITORS else Deny(f"role {principal.role} may not read the audit log")
    if action is PlatformAction.SIMULATE:
        return permit if principal.role in _SIMULATORS else Deny(f"role {principal.role} may not simulate tokens")
    if action is PlatformAction.APPROVE and _may_approve(principal):
        return permit
    if action is PlatformAction.APPROVE:
        return Deny("only a person who is approver or security-admin approves")
    if action not in _WRITES or principal.plan_only:
        return Deny("a plan-only identity reads and never writes")
    if principal.role is Role.SECURITY_ADMIN or _developer_may(principal, action, kind):
        return permit
    return Deny(f"role {principal.role} may not {action} {kind}")


def within_teams(permit: Permit, teams: Iterable[str | None]) -> Permit | Deny:
    """May it, now that we know whose object it is? `teams`: of the agents' owners concerned, None for no agent."""
    if permit.principal.role is not Role.DEVELOPER:
        return permit
    concerned = set(teams)
    if not concerned or None in concerned:
        return Deny("a developer writes only what belongs to an agent of their teams")
    if foreign := sorted(team for team in concerned if team not in permit.principal.teams and team is not None):
        return Deny(f"a developer of {', '.join(sorted(permit.principal.teams))} may not write for team {foreign[0]}")
    return permit


def is_above_ceilings(permit: Permit) -> bool:
    """True if no ceiling has to bound what this permit writes: who sets ceilings is not held by them."""
    return permit.principal.role is Role.SECURITY_ADMIN


def bootstrap_permit(principal: Principal) -> Permit:
    """What the one-time bootstrap token allows: the first trust issuer and role bindings, nothing else."""
    return Permit(principal, PlatformAction.PUT.value, "bootstrap")


def kind_of_node(node: Node) -> str:
    """The word before the colon: `agent` of `agent:triage`."""
    return node.partition(":")[0]


def _may_approve(principal: Principal) -> bool:
    """A pipeline has a stack, and a pull request only plans: neither approves."""
    return principal.role in _APPROVERS and principal.stack is None and not principal.plan_only


def _developer_may(principal: Principal, action: PlatformAction, kind: str) -> bool:
    if principal.role is not Role.DEVELOPER:
        return False
    return kind in _DEVELOPERS_REVOKE if action is PlatformAction.REVOKE else kind in _DEVELOPERS_WRITE
