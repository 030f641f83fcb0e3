"""What each platform role may do. Whatever is not written here is denied."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from leasehold.model.kinds import Kind
from leasehold.model.leases import Node
from leasehold.model.principal import Principal, Role
from leasehold.model.trust import WorkloadBinding
from leasehold.policy.decision import Deny, Permit


class PlatformAction(StrEnum):
    """What a caller of the control plane can ask for."""

    READ = "read"
    READ_AUDIT = "read-audit"
    KEEP_AUDIT = "keep-audit"
    PUT = "put"
    DELETE = "delete"
    REVOKE = "revoke"
    SIMULATE = "simulate"
    APPROVE = "approve"
    DECIDE = "decide"
    SEARCH = "search"
    EXPLAIN = "explain"
    OBSERVE = "observe"


_ADMITTED = frozenset({Role.VIEWER, Role.AUDITOR, Role.DEVELOPER})
_WRITES = frozenset({PlatformAction.PUT, PlatformAction.DELETE, PlatformAction.REVOKE})
_AUDITORS = frozenset({Role.AUDITOR, Role.SECURITY_ADMIN})
_ASK = {
    PlatformAction.READ: frozenset(Role) - {Role.ENFORCER},
    PlatformAction.DECIDE: frozenset({Role.ENFORCER, Role.SECURITY_ADMIN}),
    PlatformAction.SEARCH: frozenset({Role.ENFORCER, Role.AUDITOR, Role.SECURITY_ADMIN}),
    PlatformAction.EXPLAIN: frozenset({Role.AUDITOR, Role.SECURITY_ADMIN}),
    PlatformAction.KEEP_AUDIT: frozenset({Role.SECURITY_ADMIN}),
    PlatformAction.OBSERVE: frozenset({Role.ENFORCER, Role.APPROVER, Role.SECURITY_ADMIN}),
}
"""Who may ask for what. An enforcement point asks for decisions and tells what tool servers show, and reads nothing."""
_NOT_BY_PLANS = frozenset({PlatformAction.DECIDE, PlatformAction.OBSERVE, PlatformAction.KEEP_AUDIT})
_SIMULATORS = frozenset({Role.AUDITOR, Role.DEVELOPER, Role.SECURITY_ADMIN})
_APPROVERS = frozenset({Role.APPROVER, Role.SECURITY_ADMIN})
_DEVELOPERS_WRITE = frozenset(
    {Kind.AGENTS, Kind.GRANTS, Kind.GRANT_SETS, Kind.DEPLOYMENTS, Kind.WORKLOAD_BINDINGS},
)
_APPROVERS_WRITE = frozenset({Kind.DRIFT_EXCEPTIONS, Kind.TOOL_PINS})
_DEVELOPERS_REVOKE = frozenset({"agent", "deployment", "lease", "task"})


def decide_platform(principal: Principal, action: PlatformAction, kind: str) -> Permit | Deny:  # noqa: PLR0911  one arm per action
    """May the principal do this to objects of `kind`? For a revocation, `kind` is the kind of node."""
    permit = Permit(principal, action.value, kind)
    if (askers := _ASK.get(action)) is not None:
        able = principal.role in askers and not (action in _NOT_BY_PLANS and principal.plan_only)
        return permit if able else Deny(f"role {principal.role} may not {action} {kind}")
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
    may = principal.role is Role.SECURITY_ADMIN or _developer_may(principal, action, kind)
    if may or _approver_may(principal, action, kind):
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


def within_stack(permit: Permit, binding: WorkloadBinding) -> Permit | Deny:
    """May it write this binding, or change what it rests on? Who is limited to a stack lets nobody out of it.

    A role for another stack, or for none, would be a way around the limit: whoever writes it chooses who takes it.
    The platform's own pipeline `may_admit` roles that write beneath ceilings, or not at all.
    """
    principal, stack = permit.principal, permit.principal.stack
    if stack is None or binding.role is None:
        return permit
    if binding.may_admit and not principal.may_admit:
        return Deny("only an identity without a stack, or one that may_admit, lets others admit")
    if binding.stack == stack or (principal.may_admit and binding.role in _ADMITTED):
        return permit
    beyond = f"stack `{binding.stack}`" if binding.stack is not None else "no stack"
    return Deny(f"an identity of stack `{stack}` may not let a {binding.role} of {beyond} in")


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


def _approver_may(principal: Principal, action: PlatformAction, kind: str) -> bool:
    return principal.role is Role.APPROVER and action is not PlatformAction.REVOKE and kind in _APPROVERS_WRITE


def _developer_may(principal: Principal, action: PlatformAction, kind: str) -> bool:
    if principal.role is not Role.DEVELOPER:
        return False
    return kind in _DEVELOPERS_REVOKE if action is PlatformAction.REVOKE else kind in _DEVELOPERS_WRITE
