"""Authorization server metadata (RFC 8414 §2). Pure."""

from __future__ import annotations

from collections.abc import Mapping

from leasehold.exchange.details import DETAIL_TYPE
from leasehold.model.clients import CLIENT_ALGORITHMS
from leasehold.model.possession import PROOF_ALGORITHMS
from leasehold.model.registrations import JWT_BEARER_GRANT, REFRESH_TOKEN_GRANT

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  RFC 8693 §2.1
AUTHORIZATION_CODE = "authorization_code"
JWT_BEARER = JWT_BEARER_GRANT
CLIENT_CREDENTIALS = "client_credentials"
REFRESH_TOKEN = REFRESH_TOKEN_GRANT
ID_JAG_PROFILE = "urn:ietf:params:oauth:grant-profile:id-jag"
CLIENT_METHODS = ("private_key_jwt", "client_secret_basic", "client_secret_post")
SIGNING_ALGORITHM = "ES256"


def server_metadata(
    issuer: str, register: str | None = None, *, public: bool = False, documents: bool = False
) -> dict[str, object]:
    """What this server can do. `register` is the path where clients register themselves, if they can.

    `public`: clients without authentication are served. Everybody else pushes (RFC 9126), then as always.
    `documents`: some agent takes clients by their documents. A client that has one brings it where it reads so, and
    registers nowhere.

    No `scopes_supported` (RFC 8414 §2 leaves it open): MCP clients ask for all that it names, at every tool server.
    """
    return {
        **({"registration_endpoint": issuer + register} if register is not None else {}),
        "issuer": issuer,
        "token_endpoint": f"{issuer}/oauth2/token",
        "introspection_endpoint": f"{issuer}/oauth2/introspect",
        "revocation_endpoint": f"{issuer}/oauth2/revoke",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "introspection_endpoint_auth_methods_supported": ["Bearer", "DPoP"],  # registry tokens, by their type
        "grant_types_supported": [
            TOKEN_EXCHANGE,
            CLIENT_CREDENTIALS,
            AUTHORIZATION_CODE,
            JWT_BEARER,
            *([REFRESH_TOKEN] if public else []),
        ],
        "authorization_grant_profiles_supported": [ID_JAG_PROFILE],  # ID-JAG -04
        "authorization_endpoint": f"{issuer}/oauth2/authorize",
        "pushed_authorization_request_endpoint": f"{issuer}/oauth2/par",
        "require_pushed_authorization_requests": not public,
        "authorization_response_iss_parameter_supported": True,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", *CLIENT_METHODS],
        "token_endpoint_auth_signing_alg_values_supported": sorted(CLIENT_ALGORITHMS),
        "client_id_metadata_document_supported": documents,
        "dpop_signing_alg_values_supported": sorted(PROOF_ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": ["none"],
        "authorization_details_types_supported": [DETAIL_TYPE],
    }


def discovery_document(metadata: Mapping[str, object]) -> dict[str, object]:
    """The same for readers of OpenID Connect Discovery, such as clouds that federate with us."""
    return {
        **metadata,
        "request_uri_parameter_supported": False,  # OpenID Connect Discovery §3: true, if nothing is said
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [SIGNING_ALGORITHM],
    }
