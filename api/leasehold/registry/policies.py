"""Policies before they are published, and the version of all that are: a document that cannot be read never lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from leasehold.model.directory import Relation, Resource, User
from leasehold.model.errors import FieldError, InvalidBody
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.policies import Policy, PolicyProblem, policy_set_version
from leasehold.model.tools import ToolServer
from leasehold.registry.bounds import S, of_type
from leasehold.registry.ports import PolicyChecker, Store, UnitOfWork


class NoPolicies:
    """Stands where a registry has no policy engine beside it: no document passes."""

    def check(self, _name: str, _policy: Policy, _servers: Mapping[str, ToolServer], /) -> Sequence[PolicyProblem]:
        """Always one problem."""
        return (PolicyProblem(1, 1, "this registry has no policy engine, so that it takes no policies"),)

    def check_world(self, _name: str, _spec: ToolServer | User | Resource | Relation, /) -> Sequence[str]:
        """Nothing is published, and nothing can stop it."""
        return ()

    def check_assertions(
        self, _policies: Mapping[str, Policy], _servers: Mapping[str, ToolServer], _now: datetime, /
    ) -> Mapping[str, Sequence[PolicyProblem]]:
        """Nobody decides, and nothing can be asserted."""
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Policies as they would be published, beside tool servers as they would be by then."""

    policies: Mapping[str, Policy]
    tool_servers: Mapping[str, ToolServer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckedPolicies:
    """The problems of each proposed policy, and the version that the whole set would have."""

    version: str
    problems: Mapping[str, Sequence[PolicyProblem]]


def check_policies(store: Store, checker: PolicyChecker, proposal: Proposal, now: datetime) -> CheckedPolicies:
    """What is wrong with proposed policies, and which of their assertions would not hold. Writes nothing."""
    with store.read() as unit:
        policies = {**_all(unit, Kind.POLICIES, Policy), **proposal.policies}
        servers = {**_all(unit, Kind.TOOL_SERVERS, ToolServer), **proposal.tool_servers}
    problems = {name: checker.check(name, one, servers) for name, one in proposal.policies.items()}
    if not any(problems.values()):
        problems = {**problems, **checker.check_assertions(proposal.policies, servers, now)}
    return CheckedPolicies(policy_set_version(policies, servers), problems)


def check_policy(unit: UnitOfWork, checker: PolicyChecker, name: str, spec: Spec) -> None:
    """Raise `InvalidBody`, with the lines, if the engine would refuse a policy or could publish nothing beside this."""
    if isinstance(spec, ToolServer | User | Resource | Relation) and (said := checker.check_world(name, spec)):
        raise InvalidBody([FieldError("", one) for one in said])
    if not isinstance(spec, Policy):
        return
    problems = checker.check(name, spec, _all(unit, Kind.TOOL_SERVERS, ToolServer))
    if problems:
        raise InvalidBody([FieldError(one.path, one.message, one.line) for one in problems])


def version_now(unit: UnitOfWork) -> str:
    """The version of all policies that live now."""
    return policy_set_version(_all(unit, Kind.POLICIES, Policy), _all(unit, Kind.TOOL_SERVERS, ToolServer))


def _all(unit: UnitOfWork, kind: Kind, noun: type[S]) -> Mapping[str, S]:
    return of_type(noun, {one.name: one.spec for one in unit.objects.list(kind)})
