"""What an access token says (RFC 9068 §2.2, RFC 9396 §9.1), from a permit and its lease. Pure."""

from __future__ import annotations

from leasehold.authn.registry_tokens import LEASE_CLAIM, PLATFORM_CLAIM
from leasehold.exchange.details import authorization_details
from leasehold.model.leases import Lease, Node, deployment_node
from leasehold.model.status import status_claim
from leasehold.model.trust import WorkloadBinding
from leasehold.policy.leasing import REGISTRY_WRITE, LeasePermit

GROUPS_CLAIM = "groups"
"""The groups that the issuer of the person in `sub` named at this login (RFC 9068 §2.2.3.1), and no other's."""


def subject_of(permit: LeasePermit, binding_name: str, binding: WorkloadBinding) -> str:
    """Who the token is about: `agent:<name>`, or for a platform role `<issuer type>:<binding>`.

    A binding pins one subject of one issuer, and its name has a grammar: so the id is stable, readable and harmless.
    """
    return f"agent:{permit.agent}" if permit.agent is not None else f"{binding.issuer_type.value}:{binding_name}"


def access_claims(
    issuer: str, permit: LeasePermit, lease: Lease, binding: WorkloadBinding | None, key: str | None = None
) -> dict[str, object]:
    """The claims of the token of a lease. A token bound to a `key` is good only with a proof made with it."""
    claims: dict[str, object] = {
        "iss": issuer,
        "sub": lease.subject,
        "aud": lease.audience,
        "client_id": permit.agent or lease.subject,
        "iat": int(lease.issued_at.timestamp()),
        "exp": int(lease.expires_at.timestamp()),
        "jti": lease.id,
        LEASE_CLAIM: _lease_claim(lease),
    }
    if lease.scopes:  # RFC 6749 §3.3: never empty; tools that are bound to certain arguments are in the details alone
        claims["scope"] = " ".join(sorted(lease.scopes))
    if key is not None:
        claims["cnf"] = {"jkt": key}  # RFC 9449 §6.1
    if lease.status is not None:
        claims["status"] = status_claim(issuer, lease.status)
    if permit.role is None or binding is None:
        claims["authorization_details"] = authorization_details(permit.audience, permit.reach)
    else:
        claims[PLATFORM_CLAIM] = {
            "role": permit.role.value,
            "teams": sorted(binding.teams),
            "stack": binding.stack,
            "plan_only": REGISTRY_WRITE not in lease.scopes,
            **({"may_admit": True} if binding.may_admit else {}),
        }
    return claims


def _lease_claim(lease: Lease) -> dict[str, object]:
    claim: dict[str, object] = {"id": lease.id}
    if lease.deployment is not None:
        claim["dep"] = lease.deployment
        claim["epoch"] = _epoch(lease, deployment_node(lease.deployment))
    claim["anc"] = [[ancestor.node, ancestor.generation] for ancestor in lease.ancestors]
    return claim


def _epoch(lease: Lease, deployment: Node) -> int:
    return next(ancestor.generation for ancestor in lease.ancestors if ancestor.node == deployment)
