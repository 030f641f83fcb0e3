"""What an object names must exist, and what is named cannot go."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from leasehold.model.errors import FieldError, InUse, InvalidBody, UnknownReference
from leasehold.model.kinds import Kind
from leasehold.model.objects import Reference, Spec, references
from leasehold.model.trust import TrustIssuer, WorkloadBinding
from leasehold.registry.ports import UnitOfWork

_SUGGESTIONS = 3


def check_references(unit: UnitOfWork, name: str, spec: Spec) -> None:
    """Raise `UnknownReference`, with names that look alike, unless everything that `spec` names lives."""
    for reference in references(name, spec):
        if unit.objects.find(reference.kind, reference.name) is None:
            raise unknown(unit, reference)
    if isinstance(spec, WorkloadBinding):
        _check_binding(unit, spec)


def unknown(unit: UnitOfWork, reference: Reference) -> UnknownReference:
    """The error for a name that nothing bears."""
    alike = suggestions(reference.name, unit.objects.names(reference.kind))
    return UnknownReference(reference.path, reference.kind.singular, reference.name, alike)


def suggestions(wrong: str, names: Sequence[str]) -> list[str]:
    """The names that look most like a wrong one."""
    return get_close_matches(wrong, names, n=_SUGGESTIONS)


def check_unused(unit: UnitOfWork, kind: Kind, name: str) -> None:
    """Raise `InUse` if a live object refers to this one."""
    if referrers := unit.objects.referrers(kind, name):
        raise InUse(kind.singular, name, [f"{k.value}/{n}" for k, n in referrers])


def _check_binding(unit: UnitOfWork, spec: WorkloadBinding) -> None:
    issuer = unit.objects.get(Kind.TRUST_ISSUERS, spec.trust_issuer).spec
    if isinstance(issuer, TrustIssuer) and issuer.type is not spec.issuer_type:
        message = f"trust issuer `{spec.trust_issuer}` is of type {issuer.type}, the subject of type {spec.issuer_type}"
        raise InvalidBody([FieldError("trust_issuer", message)])
    if spec.deployment is None:
        return
    deployment = unit.objects.get(Kind.DEPLOYMENTS, spec.deployment).spec
    if getattr(deployment, "agent", None) != spec.agent:
        raise InvalidBody([FieldError("deployment", f"deployment `{spec.deployment}` is of another agent")])
