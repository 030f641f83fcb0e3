"""What OpenAPI says of each route: bodies, answers, headers and errors, kind by kind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from leasehold.model.kinds import Kind
from leasehold.web.components import components, noun
from leasehold.web.problems import PROBLEM_JSON, PROBLEMS

Operation = dict[str, Any]  # Any: OpenAPI is JSON
_READ = ("unauthenticated", "unproven", "unproven_nonce", "invalid_query", "unavailable")
_WRITE = (
    *("unauthenticated", "unproven", "unproven_nonce", "forbidden", "invalid_header"),
    *("managed_elsewhere", "precondition_failed", "receipt_refused", "unavailable"),
)
_BODY = ("malformed_json", "too_large", "unsupported_media_type", "invalid_body")
_BEARER: list[dict[str, list[str]]] = [{"registry_token": []}]
_AGENT: list[dict[str, list[str]]] = [{"agent_token": []}]
_ETAG = {"ETag": {"description": "Its revision, in quotes.", "schema": {"type": "string"}}}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The revision that the caller saw, in quotes.",
    "schema": {"type": "string", "examples": ['"3"']},
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "`*`: create, never overwrite. A PUT carries either this or If-Match.",
    "schema": {"type": "string", "const": "*"},
}


def put_operation(kind: Kind) -> Operation:
    """Create or change."""
    answers = {
        "200": _answer("Changed, or the same as before.", noun(kind), _ETAG),
        "201": _answer("Created.", noun(kind), _ETAG),
    }
    refusals = (*_WRITE, *_BODY, "unknown_reference", "above_ceiling", "precondition_required")
    operation = _operation(f"put_{_id(kind)}", kind.value, answers, refusals)
    operation["openapi_extra"]["requestBody"] = _body(f"{noun(kind)}Body")
    operation["openapi_extra"]["parameters"] = [_IF_MATCH, _IF_NONE_MATCH]
    return operation


def get_operation(kind: Kind) -> Operation:
    """Read one."""
    answers = {"200": _answer("The live object.", noun(kind), _ETAG)}
    return _operation(f"get_{_id(kind)}", kind.value, answers, (*_READ, "not_found"))


def delete_operation(kind: Kind) -> Operation:
    """Delete one."""
    refusals = (*_WRITE, "not_found", "in_use", "precondition_required")
    operation = _operation(f"delete_{_id(kind)}", kind.value, {"204": {"description": "Deleted."}}, refusals)
    operation["openapi_extra"]["parameters"] = [{**_IF_MATCH, "required": True}]
    return operation


def list_operation(kind: Kind) -> Operation:
    """Read many."""
    answers = {"200": _answer("A page, in the order of names.", f"{noun(kind)}Page")}
    return _operation(f"list_{_id(kind)}", kind.value, answers, _READ)


def snapshot_operation() -> Operation:
    """The live picture."""
    answers = {
        "200": _answer("The live picture.", "Snapshot", _ETAG),
        "304": {"description": "The picture of If-None-Match is still the live one."},
    }
    operation = _operation("get_snapshot", "registry", answers, _READ)
    operation["openapi_extra"]["parameters"] = [
        {"name": "If-None-Match", "in": "header", "description": "An ETag seen.", "schema": {"type": "string"}}
    ]
    return operation


def effective_access_operation() -> Operation:
    """What an agent can do."""
    answers = {"200": _answer("Access, tool by tool.", "EffectiveAccess")}
    return _operation("get_effective_access", "registry", answers, (*_READ, "not_found"))


def revocation_operation() -> Operation:
    """Revoke a node."""
    answers = {"200": _answer("Revoked, durably.", "Revocation")}
    operation = _operation("post_revocation", "registry", answers, (*_BODY, "forbidden", "not_found", *_READ))
    operation["openapi_extra"]["requestBody"] = _body("RevocationBody")
    return operation


def surface_operation() -> Operation:
    """What a tool server shows against its pin."""
    answers = {"200": _answer("What was seen last, compared with the pin; ETag: of the pin.", "ToolSurface", _ETAG)}
    return _operation("get_tool_surface", "tool-servers", answers, (*_READ, "not_found"))


def observation_operation() -> Operation:
    """What a tool server was seen to show."""
    answers = {
        "200": _answer("Written down, and compared with the pin.", "ToolSurface", _ETAG),
        "204": {"description": "Written down; an enforcement point reads nothing."},
    }
    refusals = (*_READ, *_BODY, "forbidden", "not_found")
    operation = _operation("post_tool_observation", "tool-servers", answers, refusals)
    operation["openapi_extra"]["requestBody"] = _body("ToolObservationBody")
    return operation


def simulation_operation() -> Operation:
    """What a token would get."""
    answers = {"200": _answer("What the token would get.", "Simulation")}
    operation = _operation("post_simulation", "registry", answers, (*_BODY, *_READ, "forbidden"))
    operation["openapi_extra"]["requestBody"] = _body("SimulationBody")
    return operation


def policy_check_operation() -> Operation:
    """What is wrong with proposed policies."""
    answers = {"200": _answer("The problems of each document, none where there are none.", "PolicyCheck")}
    operation = _operation("check_policies", "policies", answers, (*_BODY, *_READ))
    operation["openapi_extra"]["requestBody"] = _body("PolicyCheckBody")
    return operation


def client_secret_operation() -> Operation:
    """Make a client secret."""
    answers = {"201": _answer("The secret, shown this once.", "ClientSecret")}
    operation = _operation("post_client_secret", "agents", answers, (*_BODY, *_READ, "forbidden", "not_found"))
    operation["openapi_extra"]["requestBody"] = _body("ClientSecretBody")
    return operation


def registration_token_operation() -> Operation:
    """Make an initial access token."""
    answers = {"201": _answer("The token, shown this once.", "RegistrationToken")}
    operation = _operation("post_registration_token", "agents", answers, (*_BODY, *_READ, "forbidden", "not_found"))
    operation["openapi_extra"]["requestBody"] = _body("RegistrationTokenBody")
    return operation


def clients_operation() -> Operation:
    """The clients that registered themselves."""
    answers = {"200": _answer("The clients of the agent.", "RegisteredClients")}
    return _operation("get_clients", "agents", answers, (*_READ, "not_found"))


def client_end_operation() -> Operation:
    """End a client that registered itself."""
    answers = {"204": {"description": "Ended."}}
    return _operation("delete_client", "agents", answers, (*_READ, "forbidden", "not_found"))


def client_secret_end_operation() -> Operation:
    """End a client secret."""
    answers = {"204": {"description": "Ended."}}
    return _operation("delete_client_secret", "agents", answers, (*_READ, "forbidden", "not_found"))


def task_end_operation() -> Operation:
    """End a task."""
    answers = {"200": _answer("Ended, durably.", "EndedTask")}
    return _operation("end_task", "tasks", answers, (*_READ, "forbidden", "not_found", "managed_elsewhere"))


def heartbeat_operation() -> Operation:
    """Say that a deployment lives."""
    answers = {"200": _answer("Taken; when the next one is due.", "Heartbeat")}
    refusals = (*_READ, "forbidden", "not_found", "managed_elsewhere", "deployment_ended")
    return _operation("post_heartbeat", "deployments", answers, refusals)


def issue_operation() -> Operation:
    """Draw a credential of another system."""
    answers = {"200": _answer("The credential, in the form asked for.", "IssuedCredential")}
    refusals = (*_READ, *_BODY, "not_found")
    operation = _operation("issue_credential", "credentials", answers, refusals)
    operation["openapi_extra"] |= {"requestBody": {**_body("CredentialBody"), "required": False}, "security": _AGENT}
    return operation


def container_operation() -> Operation:
    """Draw an AWS session as SDKs ask for it."""
    answers = {"200": _answer("The session.", "ContainerCredential")}
    operation = _operation("get_container_credential", "credentials", answers, (*_READ, "not_found", "invalid_body"))
    operation["openapi_extra"]["security"] = _AGENT
    return operation


def list_credentials_operation() -> Operation:
    """Credentials on record."""
    answers = {"200": _answer("A page, in the order of ids.", "CredentialPage")}
    return _operation("list_credentials", "credentials", answers, _READ)


def whoami_operation() -> Operation:
    """Who is calling."""
    return _operation("get_whoami", "registry", {"200": _answer("The caller.", "Principal")}, _READ)


def bootstrap_operation() -> Operation:
    """The first objects."""
    answers = {"201": _answer("Written. The token is used up.", "Bootstrapped")}
    operation = _operation("post_bootstrap", "registry", answers, (*_BODY, *_READ, "precondition_failed"))
    operation["openapi_extra"] |= {"requestBody": _body("BootstrapBody"), "security": [{"bootstrap_token": []}]}
    return operation


def policy_format_operation() -> Operation:
    """Lay a document out."""
    answers = {"200": _answer("The same policies in Cedar's own layout.", "PolicyDocument")}
    operation = _operation("format_policy", "policies", answers, (*_READ, "forbidden", *_BODY))
    operation["openapi_extra"]["requestBody"] = _body("PolicyDocument")
    return operation


_DECISIONS = {
    "explain_decision": ("The decision, both sides of it, and the policies that made it so.", "DecisionExplanation"),
    "replay_decisions": ("What the newest decisions on record would be.", "ReplayReport"),
    "test_policies": ("The table, case by case.", "DecisionTableReport"),
    "who_can": ("Who can do this, and what is left to be true.", "Accesses"),
    "could": ("What they could do then, and by what.", "Could"),
    "what_can": ("What they can do, and what is left to be true.", "Accesses"),
}


def decision_operation(operation_id: str, *, body: str = "") -> Operation:
    """A question about decisions; `body` names the schema of what is sent."""
    said, schema = _DECISIONS[operation_id]
    codes = (*_READ, "forbidden", *(_BODY if body else ()))
    codes += ("not_found",) if operation_id == "explain_decision" else ()
    operation = _operation(operation_id, "decisions", {"200": _answer(said, schema)}, codes)
    if body:
        operation["openapi_extra"]["requestBody"] = _body(body)
    return operation


def health_operation() -> Operation:
    """Liveness."""
    operation = _operation("get_healthz", "registry", {"200": {"description": "Up."}}, ())
    operation["openapi_extra"]["security"] = []
    return operation


def complete(app: FastAPI) -> None:
    """Give the application's OpenAPI document the schemas that the operations refer to."""

    def document() -> dict[str, Any]:  # Any: OpenAPI is JSON
        if app.openapi_schema is None:
            described = get_openapi(title=app.title, version=app.version, routes=app.routes)
            for path in described["paths"].values():
                for operation in path.values():
                    _finish(operation)
            described["components"] = {"schemas": components(), "securitySchemes": _security_schemes()}
            app.openapi_schema = described
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way


def approval_operation() -> Operation:
    """The body of `POST /v1/plan-reviews/{receipt_id}:approve`."""
    return {"openapi_extra": {"requestBody": _body("ApprovalBody")}}


def plan_operation() -> Operation:
    """The body of `POST /v1/plan-reviews`."""
    return {"openapi_extra": {"requestBody": _body("PlanReviewBody")}}


def coverage_operation() -> Operation:
    """The body of `POST /v1/receipts:check`."""
    return {"openapi_extra": {"requestBody": _body("CoverageBody")}}


def comparison_operation() -> Operation:
    """The body of `POST /v1/plan-comparisons`."""
    return {"openapi_extra": {"requestBody": _body("ComparisonBody")}}


def _finish(operation: Operation) -> None:
    responses = operation["responses"]
    unsent = responses.get("422", {}).get("content", {})
    unsent.pop("application/json", None)  # FastAPI's own error document; ours is a problem document
    if "422" in responses and not unsent:
        del responses["422"]
    if operation["tags"] == ["review"]:
        given = operation.get("requestBody")
        own = ["not_found"] if given in (_body("ApprovalBody"), _body("ComparisonBody")) else []
        own += ["receipt_refused"] if given == _body("ApprovalBody") else []
        operation["security"] = _BEARER
        operation.setdefault("requestBody", _body("ReviewBody"))
        responses |= _problems((*_READ, *_BODY, *own))


def _operation(operation_id: str, tag: str, answers: Operation, codes: Iterable[str]) -> Operation:
    return {
        "operation_id": operation_id,
        "tags": [tag],
        "status_code": int(next(iter(answers))),
        "openapi_extra": {"responses": {**answers, **_problems(codes)}, "security": _BEARER},
    }


def _problems(codes: Iterable[str]) -> Operation:
    by_status: dict[str, list[str]] = {}
    for code in sorted(set(codes)):
        by_status.setdefault(str(PROBLEMS[code].status.value), []).append(code)
    return {
        status: {
            "description": " or ".join(f"`{code}`" for code in found),
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, found in sorted(by_status.items())
    }


def _answer(description: str, schema: str, headers: Operation | None = None) -> Operation:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content, **({"headers": headers} if headers else {})}


def _body(schema: str) -> Operation:
    return {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


def _id(kind: Kind) -> str:
    return kind.singular.replace(" ", "_")


def _security_schemes() -> Operation:
    return {
        "registry_token": {
            "type": "http",
            "scheme": "bearer",
            "description": "A registry token: POST /oauth2/token with resource=<issuer>/v1 (RFC 8693). "
            "One that is bound to a key is sent with the scheme DPoP and a proof (RFC 9449 §7.1), never as Bearer.",
        },
        "agent_token": {
            "type": "http",
            "scheme": "bearer",
            "description": "An agent's token: POST /oauth2/token with resource=<issuer>/v1/credentials (RFC 8693).",
        },
        "bootstrap_token": {
            "type": "http",
            "scheme": "bearer",
            "description": "The one-time token that `leasehold serve` prints on first start.",
        },
    }
