"""Whoever is limited to a stack makes no way out of it: no role or agent elsewhere, nor the trust that one rests on."""

from __future__ import annotations

from collections.abc import Iterator

from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.trust import TrustIssuer, WorkloadBinding
from leasehold.policy.decision import Permit
from leasehold.policy.platform import within_stack
from leasehold.registry.ports import UnitOfWork
from leasehold.registry.preconditions import check_stack
from leasehold.registry.teams import require


def check_roles(unit: UnitOfWork, permit: Permit, name: str, before: Spec | None, after: Spec | None) -> None:
    """Raise `Forbidden` for a write that lets somebody act beyond the stack that the permit is limited to.

    Raises `ManagedElsewhere` for a binding to an agent of another stack.
    """
    if permit.principal.stack is None or before == after:
        return
    for binding in _concerned(unit, name, before, after):
        require(within_stack(permit, binding))
    if isinstance(after, WorkloadBinding) and after.agent is not None:
        check_stack(unit.objects.find(Kind.AGENTS, after.agent), permit.principal)  # bound, its subject is that agent


def _concerned(unit: UnitOfWork, name: str, before: Spec | None, after: Spec | None) -> Iterator[WorkloadBinding]:
    yield from (spec for spec in (before, after) if isinstance(spec, WorkloadBinding))
    if isinstance(before, TrustIssuer):
        referrers = unit.objects.referrers(Kind.TRUST_ISSUERS, name)
        bindings = unit.objects.named(Kind.WORKLOAD_BINDINGS, [n for k, n in referrers if k is Kind.WORKLOAD_BINDINGS])
        yield from (stored.spec for stored in bindings.values() if isinstance(stored.spec, WorkloadBinding))
