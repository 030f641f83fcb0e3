"""What enforcement points can find out before they ask (AuthZEN 1.0, "Policy Decision Point Metadata")."""

from __future__ import annotations

METADATA_TYPE = "authzen-configuration+jwt"
"""The type of the signed form: no token of another kind can be taken for it."""


ACCESS_REQUESTS = "urn:openid:authzen:capability:access-request"


def configuration(issuer: str, requests: str = "") -> dict[str, object]:
    """The metadata of the decision point at `issuer`. `requests`: where somebody takes access requests, if anybody."""
    base = f"{issuer}/access/v1"
    more = {"access_request_endpoint": requests, "capabilities": [ACCESS_REQUESTS]} if requests else {}
    return {
        "policy_decision_point": issuer,
        "access_evaluation_endpoint": f"{base}/evaluation",
        "access_evaluations_endpoint": f"{base}/evaluations",
        "search_subject_endpoint": f"{base}/search/subject",
        "search_resource_endpoint": f"{base}/search/resource",
        "search_action_endpoint": f"{base}/search/action",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "supported_obligations": ["step-up", "notification", "session_termination", "custom"],
        **more,
    }
