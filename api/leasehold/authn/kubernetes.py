"""Kubernetes service accounts: projected tokens of 1.21 and later, by the claim `kubernetes.io`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from leasehold.authn import claims
from leasehold.authn.claims import members, text
from leasehold.model.errors import InvalidValue
from leasehold.model.subjects import IssuerType, KubernetesSubject
from leasehold.model.tokens import Flaw, TokenRefused, VerifiedClaims
from leasehold.model.workloads import Workload, WorkloadKind


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesIdentity:
    """A service account, and the pod that holds its token, if one does. The uid outlives no re-creation."""

    TYPE: ClassVar[IssuerType] = IssuerType.KUBERNETES
    namespace: str
    service_account: str
    service_account_uid: str
    pod: str | None
    pod_uid: str | None = None
    proposes: bool = False


def identify(verified: VerifiedClaims) -> KubernetesIdentity:
    """The service account that a verified token speaks for. Raises `TokenRefused`."""
    private = members(verified.claims, "kubernetes.io")
    if "warnafter" in private:  # stretched to a year for clients that never re-read their token
        raise TokenRefused(Flaw.LEGACY_TOKEN)
    account = members(private, "serviceaccount")
    namespace, name = text(private, "namespace"), text(account, "name")
    if verified.subject != f"system:serviceaccount:{namespace}:{name}":
        raise TokenRefused(Flaw.BAD_CLAIM)
    pod = members(private, "pod") if "pod" in private else None
    return KubernetesIdentity(
        namespace=namespace,
        service_account=name,
        service_account_uid=text(account, "uid"),
        pod=text(pod, "name") if pod is not None else None,
        pod_uid=text(pod, "uid") if pod is not None else None,
    )


def workloads(
    trust_issuer: str, watched: frozenset[WorkloadKind], identity: KubernetesIdentity
) -> tuple[Workload, ...]:
    """What the identity lives and dies with, of what is watched in its cluster. Raises `TokenRefused`."""
    uids = {WorkloadKind.SERVICE_ACCOUNTS: identity.service_account_uid, WorkloadKind.PODS: identity.pod_uid}
    found = []
    for kind in sorted(watched & uids.keys()):
        uid = uids[kind]
        if uid is None:  # bound to no pod: nothing would end what it gets
            raise TokenRefused(Flaw.UNBOUND)
        try:
            found.append(Workload(trust_issuer, kind, uid))
        except InvalidValue:
            raise TokenRefused(Flaw.BAD_CLAIM) from None
    return tuple(found)


def unmet(pins: KubernetesSubject, identity: KubernetesIdentity) -> tuple[str, ...]:
    """The pins that do not hold; with a uid pinned, a later account of the same name fails it."""
    return claims.unmet(pins, identity)
