"""What a client is told so that it can get a token: protected resource metadata (RFC 9728), and challenges.

INVARIANT: the same for a tool server that there is and for one that there is not. Who brings no token learns nothing,
but that a tool server which takes bound tokens alone does so: clients have to know before they ask for one.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import orjson

from leasehold.model.possession import PROOF_ALGORITHMS, PROOF_ALGS

WELL_KNOWN = "/.well-known/oauth-protected-resource"


def metadata_document(issuer: str, resource: str, *, bound: bool) -> bytes:
    """The document of one resource. No scopes: which tools there are is not for strangers.

    `bound`: it takes no token that is not bound to a key.
    """
    return orjson.dumps(
        {
            **({"dpop_bound_access_tokens_required": True} if bound else {}),
            "resource": resource,
            "authorization_servers": [issuer],
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": sorted(PROOF_ALGORITHMS),
            "authorization_details_types_supported": ["mcp_tool"],
        }
    )


def metadata_url(resource: str) -> str:
    """Where the document of a resource is (RFC 9728 §3.1): the well-known part stands before the resource's path."""
    parts = urlsplit(resource)
    return parts._replace(path=f"{WELL_KNOWN}{parts.path}").geturl()


def challenge(resource: str, *, error: str = "", scope: str = "", scheme: str = "Bearer") -> str:
    """One challenge (RFC 6750 §3, RFC 9728 §5.1, RFC 9449 §7.1)."""
    said = [f'realm="leasehold", resource_metadata="{metadata_url(resource)}"']
    said += [f'algs="{PROOF_ALGS}"'] if scheme == "DPoP" else []
    said += [f'error="{error}"'] if error else []
    said += [f'scope="{scope}"'] if scope else []
    return f"{scheme} {', '.join(said)}"
