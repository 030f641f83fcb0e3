"""The one table from an error's code to its HTTP status and OAuth error, and problem documents (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import orjson
from starlette.responses import Response

from leasehold.model.errors import LeaseholdError
from leasehold.web.presenting import challenge

PROBLEM_JSON = "application/problem+json"
_TYPE = "urn:leasehold:problem:"


@dataclass(frozen=True, slots=True)
class Problem:
    """How a code looks from outside. `oauth`: the error of RFC 6749 §5.2 or RFC 6750 §3.1 for the OAuth doors."""

    status: HTTPStatus
    title: str
    oauth: str


PROBLEMS: Mapping[str, Problem] = {
    "malformed_json": Problem(HTTPStatus.BAD_REQUEST, "The body is not well-formed JSON", "invalid_request"),
    "invalid_query": Problem(HTTPStatus.BAD_REQUEST, "The query is not understood", "invalid_request"),
    "invalid_header": Problem(HTTPStatus.BAD_REQUEST, "A header is not understood", "invalid_request"),
    "unauthenticated": Problem(HTTPStatus.UNAUTHORIZED, "Who is calling?", "invalid_token"),
    "token_refused": Problem(HTTPStatus.UNAUTHORIZED, "The token was not accepted", "invalid_grant"),
    "proof_refused": Problem(HTTPStatus.BAD_REQUEST, "The proof does not prove it", "invalid_dpop_proof"),
    "nonce_wanted": Problem(HTTPStatus.BAD_REQUEST, "Use this nonce", "use_dpop_nonce"),
    "unproven": Problem(HTTPStatus.UNAUTHORIZED, "Prove that the key is yours", "invalid_dpop_proof"),
    "unproven_nonce": Problem(HTTPStatus.UNAUTHORIZED, "Use this nonce", "use_dpop_nonce"),
    "forbidden": Problem(HTTPStatus.FORBIDDEN, "Not allowed", "insufficient_scope"),
    "receipt_refused": Problem(HTTPStatus.FORBIDDEN, "No receipt lets it through", "invalid_request"),
    "not_found": Problem(HTTPStatus.NOT_FOUND, "Not found", "invalid_request"),
    "method_not_allowed": Problem(HTTPStatus.METHOD_NOT_ALLOWED, "Method not allowed", "invalid_request"),
    "in_use": Problem(HTTPStatus.CONFLICT, "Others refer to it", "invalid_request"),
    "managed_elsewhere": Problem(HTTPStatus.CONFLICT, "Another stack manages it", "invalid_request"),
    "deployment_ended": Problem(HTTPStatus.CONFLICT, "It has ended", "invalid_request"),
    "precondition_failed": Problem(HTTPStatus.PRECONDITION_FAILED, "It changed meanwhile", "invalid_request"),
    "too_far_behind": Problem(HTTPStatus.GONE, "Take the snapshot", "invalid_request"),
    "too_large": Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large", "invalid_request"),
    "unsupported_media_type": Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Not a JSON body", "invalid_request"),
    "invalid_body": Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The object is not valid", "invalid_request"),
    "unknown_reference": Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "It names what is not there", "invalid_request"),
    "above_ceiling": Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Above a ceiling", "invalid_request"),
    "precondition_required": Problem(HTTPStatus.PRECONDITION_REQUIRED, "Say which revision you saw", "invalid_request"),
    "too_many_streams": Problem(HTTPStatus.CONFLICT, "No more streams", "invalid_request"),
    "stream_disabled": Problem(HTTPStatus.BAD_REQUEST, "The stream is disabled", "invalid_request"),
    "too_soon": Problem(HTTPStatus.TOO_MANY_REQUESTS, "Not so soon", "invalid_request"),
    "internal": Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something broke on our side", "server_error"),
    "unavailable": Problem(HTTPStatus.SERVICE_UNAVAILABLE, "Try again", "temporarily_unavailable"),
}


def problem_of(error: LeaseholdError) -> Problem:
    """How an error looks from outside; a code that the table lacks is our fault, not the caller's."""
    return PROBLEMS.get(error.code, PROBLEMS["internal"])


def problem_response(error: LeaseholdError) -> Response:
    """The problem document of an error."""
    problem = problem_of(error)
    code = error.code if error.code in PROBLEMS else "internal"
    document = {
        "type": _TYPE + code,
        "title": problem.title,
        "status": problem.status.value,
        "detail": str(error),
        "code": code,
        **error.members,
    }
    headers = {"Cache-Control": "no-store", **challenge(error)}
    if problem.status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "1"
    return Response(orjson.dumps(document), problem.status, headers, PROBLEM_JSON)
