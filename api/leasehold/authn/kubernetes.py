"""Kubernetes service accounts: projected tokens of 1.21 and later, by the claim `kubernetes.io`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leasehold.model.tokens import Flaw, TokenRefused, VerifiedClaims
from leasehold.model.trust import KubernetesSubject


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesIdentity:
    """A service account, and the pod that holds its token, if one does. The uid outlives no re-creation."""

    namespace: str
    service_account: str
    service_account_uid: str
    pod: str | None


def identify(verified: VerifiedClaims) -> KubernetesIdentity:
    """The service account that a verified token speaks for. Raises `TokenRefused`."""
    private = _members(verified.claims.get("kubernetes.io"))
    if "warnafter" in private:  # stretched to a year for clients that never re-read their token
        raise TokenRefused(Flaw.LEGACY_TOKEN)
    account = _members(private.get("serviceaccount"))
    namespace, name = _text(private.get("namespace")), _text(account.get("name"))
    if verified.subject != f"system:serviceaccount:{namespace}:{name}":
        raise TokenRefused(Flaw.BAD_CLAIM)
    return KubernetesIdentity(
        namespace=namespace,
        service_account=name,
        service_account_uid=_text(account.get("uid")),
        pod=_text(_members(private["pod"]).get("name")) if "pod" in private else None,
    )


def matches(pins: KubernetesSubject, identity: KubernetesIdentity) -> bool:
    """True iff the binding means this very account; with a uid pinned, not a later one of the same name."""
    return (
        pins.namespace == identity.namespace
        and pins.service_account == identity.service_account
        and pins.service_account_uid in {None, identity.service_account_uid}
    )


def _members(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TokenRefused(Flaw.BAD_CLAIM)
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise TokenRefused(Flaw.BAD_CLAIM)
    return value
