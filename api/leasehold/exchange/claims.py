"""What an access token says (RFC 9068 §2.2, RFC 9396 §9.1), from a permit and its lease. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from leasehold.authn.registry_tokens import LEASE_CLAIM, PLATFORM_CLAIM
from leasehold.model.access import Reach
from leasehold.model.leases import Lease, Node, deployment_node
from leasehold.model.trust import WorkloadBinding
from leasehold.policy.leasing import REGISTRY_WRITE, LeasePermit

DETAIL_TYPE = "mcp_tool"


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
        "scope": " ".join(sorted(lease.scopes)),
        LEASE_CLAIM: _lease_claim(lease),
    }
    if key is not None:
        claims["cnf"] = {"jkt": key}  # RFC 9449 §6.1
    if permit.role is None or binding is None:
        claims["authorization_details"] = authorization_details(permit.audience, permit.reach)
    else:
        claims[PLATFORM_CLAIM] = {
            "role": permit.role.value,
            "teams": sorted(binding.teams),
            "stack": binding.stack,
            "plan_only": REGISTRY_WRITE not in lease.scopes,
        }
    return claims


def authorization_details(resource: str, reach: Iterable[Reach]) -> list[dict[str, object]]:
    """Which tools on which resources: one detail for every set of resources that tools have in common."""
    resources_of: dict[str, set[str]] = defaultdict(set)
    for one in reach:
        resources_of[one.tool].add(one.resource)
    tools_on: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for tool in sorted(resources_of):
        tools_on[tuple(sorted(resources_of[tool]))].append(tool)
    return [
        {"type": DETAIL_TYPE, "locations": [resource], "actions": tools, "resources": list(resources)}
        for resources, tools in sorted(tools_on.items())
    ]


def _lease_claim(lease: Lease) -> dict[str, object]:
    claim: dict[str, object] = {"id": lease.id}
    if lease.deployment is not None:
        claim["dep"] = lease.deployment
        claim["epoch"] = _epoch(lease, deployment_node(lease.deployment))
    claim["anc"] = [[ancestor.node, ancestor.generation] for ancestor in lease.ancestors]
    return claim


def _epoch(lease: Lease, deployment: Node) -> int:
    return next(ancestor.generation for ancestor in lease.ancestors if ancestor.node == deployment)
