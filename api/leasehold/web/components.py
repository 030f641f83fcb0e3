"""JSON Schemas of what goes in and what comes out, made from the nouns themselves."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from leasehold.model.clients import SECRET_TTL_MAX
from leasehold.model.kinds import Kind
from leasehold.model.objects import SPECS
from leasehold.model.principal import Role
from leasehold.model.registrations import REGISTRATION_TTL_MAX
from leasehold.web.audit_schemas import audit_schemas
from leasehold.web.credential_schemas import credential_schemas
from leasehold.web.decision_schemas import decision_schemas
from leasehold.web.problems import PROBLEMS
from leasehold.web.surface_schemas import surface_schemas

Schema = dict[str, Any]  # Any: JSON Schema is JSON
_DROPPED = frozenset({"title"})  # Pydantic's guesses from names, which say nothing new
_STRING: Schema = {"type": "string"}
_NULLABLE: Schema = {"type": ["string", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TIME: Schema = {"type": "string", "format": "date-time"}
_NAMES: Schema = {"type": "array", "items": _STRING, "uniqueItems": True}
_COMPUTED: dict[Kind, Schema] = {
    Kind.DEPLOYMENTS: {"epoch": {**_COUNT, "description": "Every write and every revocation is a new one."}},
    Kind.GRANT_SETS: {"live_grants": {**_NAMES, "description": "The agent's grants that live now, sorted."}},
    Kind.TOOL_PINS: {"digest": {**_STRING, "description": "The name of exactly this surface, `sha256:` and 64 hex."}},
    Kind.GRANTS: {"expired": {"type": "boolean", "description": "Whether its expiry has passed."}},
}
_ENVELOPE: Schema = {
    "kind": _STRING,
    "name": _STRING,
    "revision": {"type": "integer", "minimum": 1},
    "created_at": _TIME,
    "updated_at": _TIME,
    "updated_by": _STRING,
    "stack": {**_NULLABLE, "description": "The stack that manages it, null if none does."},
    "managed_by": {**_NULLABLE, "description": "The stack that manages it, null if none does."},
}


def noun(kind: Kind) -> str:
    """The name of a kind's schema: `WorkloadBinding`."""
    return SPECS[kind].__name__


def components() -> dict[str, Schema]:
    """Every schema that the operations refer to, by name."""
    found: dict[str, Schema] = {}
    for kind in Kind:
        body = body_schema(kind, "#/components/schemas/{model}")
        found |= body.pop("$defs", {})
        found[f"{noun(kind)}Body"] = body
        found[noun(kind)] = _object_schema(kind, body)
        found[f"{noun(kind)}Page"] = _page(noun(kind))
    return found | _registry_schemas() | credential_schemas() | decision_schemas() | surface_schemas()


def body_schema(kind: Kind, reference: str = "#/$defs/{model}") -> Schema:
    """The JSON Schema of a PUT body."""
    schema: Schema = _tidy(TypeAdapter(SPECS[kind]).json_schema(ref_template=reference))
    schema["title"] = f"{noun(kind)}Body"
    if kind is Kind.GRANT_SETS:
        seen = "The agent's grants that the caller's plan saw alive; those of them not in `grants` are deleted."
        schema["properties"]["seen"] = {**_NAMES, "description": seen, "default": []}
    return schema


def _object_schema(kind: Kind, body: Schema) -> Schema:
    properties = {name: schema for name, schema in body["properties"].items() if name != "seen"}
    shown = {**_ENVELOPE, "kind": {"const": kind.value}, **properties, **_COMPUTED.get(kind, {})}
    return {
        "title": noun(kind),
        "description": body.get("description", ""),
        "type": "object",
        "properties": shown,
        "required": list(shown),
        "additionalProperties": False,
    }


def _registry_schemas() -> dict[str, Schema]:
    entry = {
        "tool_server": _STRING,
        "tool": _STRING,
        "action": _NULLABLE,
        "resource": _STRING,
        "grant": _STRING,
        "expires_at": {"type": ["string", "null"], "format": "date-time"},
        "constraints": {"type": "object", "description": "What arguments may be, by name, as in a token; {} for any."},
    }
    reasons = ["above_ceiling", "agent_suspended", "expired", "owner_disabled", "unknown_tool"]
    return {
        "Problem": _problem(),
        "Snapshot": _closed(
            revision=_COUNT,
            at=_TIME,
            stack=_NULLABLE,
            complete={"const": True},
            policy_version={**_STRING, "description": "What a decision made on this picture would name."},
            objects=_closed(**{kind.value: {"type": "array", "items": _ref(noun(kind))} for kind in Kind}),
        ),
        "AccessEntry": _closed(**entry),
        "WithheldEntry": _closed(**entry, reason={"enum": reasons}, ceiling=_NULLABLE),
        "EffectiveAccess": _closed(
            agent=_STRING,
            revision=_COUNT,
            access={"type": "array", "items": _ref("AccessEntry")},
            withheld={"type": "array", "items": _ref("WithheldEntry")},
        ),
        "PolicyCheckBody": {
            **_closed(
                policies={"type": "array", "minItems": 1, "maxItems": 16, "items": _named(Kind.POLICIES)},
                tool_servers={"type": "array", "items": _named(Kind.TOOL_SERVERS)},
            ),
            "required": ["policies"],
        },
        "PolicyCheck": _policy_check(),
        "ClientSecretBody": {
            **_closed(days={"type": "integer", "minimum": 1, "maximum": SECRET_TTL_MAX.days}),
            "required": [],
        },
        "ClientSecret": _closed(client_id=_STRING, client_secret=_STRING, created_at=_TIME, expires_at=_TIME),
        "RegistrationTokenBody": {
            **_closed(hours={"type": "integer", "minimum": 1, "maximum": REGISTRATION_TTL_MAX.days * 24}),
            "required": [],
        },
        "RegistrationToken": _closed(agent=_STRING, initial_access_token=_STRING, expires_at=_TIME),
        "RegisteredClient": _closed(
            client_id=_STRING,
            client_name=_STRING,
            redirect_uris=_NAMES,
            grant_types=_NAMES,
            jwks_uri=_NULLABLE,
            registered_at=_TIME,
        ),
        "RegisteredClients": _closed(items={"type": "array", "items": _ref("RegisteredClient")}),
        "Heartbeat": _closed(deployment=_STRING, heartbeat_ttl=_COUNT, due_at=_TIME),
        "EndedTask": _closed(task=_STRING, generation=_COUNT, ended_at=_TIME),
        "RevocationBody": _closed(node=_STRING, reason=_STRING),
        "Revocation": _closed(node=_STRING, generation=_COUNT, at=_TIME),
        "SimulationBody": _closed(token=_STRING),
        "Simulation": _simulation(),
        "ReviewBody": _closed(stacks=_stacks(1)),
        "PlanReviewBody": _plan_review(),
        "CoverageBody": _coverage(),
        "ComparisonBody": _closed(base=_side(), head=_side()),
        "ApprovalBody": _closed(receipt=_STRING),
        "AuditPage": _page("AuditEvent"),
        **audit_schemas(),
        "Principal": _closed(
            id=_STRING,
            role={"enum": [role.value for role in Role]},
            teams=_NAMES,
            stack=_NULLABLE,
            may_admit={"type": "boolean"},
            plan_only={"type": "boolean"},
            lease=_NULLABLE,
        ),
        "BootstrapBody": _closed(
            trust_issuer=_named(Kind.TRUST_ISSUERS),
            workload_bindings={"type": "array", "minItems": 1, "items": _named(Kind.WORKLOAD_BINDINGS)},
        ),
        "Bootstrapped": _closed(
            trust_issuer=_ref(noun(Kind.TRUST_ISSUERS)),
            workload_bindings={"type": "array", "items": _ref(noun(Kind.WORKLOAD_BINDINGS))},
        ),
    }


def _simulation() -> Schema:
    flag: Schema = {"type": "boolean"}
    expected = {"description": "What is bound; what the token has is told by its shape alone."}
    miss = _closed(claim=_STRING, expected=expected, found=_STRING)
    outcome = _closed(
        name=_STRING,
        agent=_NULLABLE,
        role=_NULLABLE,
        matches=flag,
        failed={"type": "array", "items": miss},
        mutable=_NAMES,
        advice=_NULLABLE,
    )
    return _closed(
        trust_issuer=_NULLABLE,
        issuer_type=_NULLABLE,
        signature=flag,
        audience=flag,
        time=flag,
        proposes=flag,
        flaws=_NAMES,
        bindings={"type": "array", "items": outcome},
    )


def _policy_check() -> Schema:
    position: Schema = {"type": "integer", "minimum": 1}
    unknown = {"type": "boolean", "description": "It names what may still come to live, such as a tool."}
    path: Schema = {"enum": ["document", "schema"]}
    problem = _closed(path=path, line=position, column=position, message=_STRING, unknown=unknown)
    checked = _closed(name=_STRING, problems={"type": "array", "items": problem})
    version = {**_STRING, "description": "The version that the set of all policies would have."}
    return _closed(policy_version=version, policies={"type": "array", "items": checked})


def _stacks(least: int) -> Schema:
    references = _closed(grants=_NAMES)
    known = {"type": _STRING, "address": _STRING, "values": {"type": "object"}}
    resource = _closed(**known, unknown=_NAMES, references=references)
    resource["required"] = sorted(known)
    stack = _closed(stack=_STRING, resources={"type": "array", "items": resource})
    return {"type": "array", "minItems": least, "items": stack}


def _side() -> Schema:
    revisions: Schema = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}}
    side = _closed(stacks=_stacks(0), policies=revisions)
    return {name: value for name, value in side.items() if name != "required"}


def _problem() -> Schema:
    members: Schema = {
        "type": _STRING,
        "title": _STRING,
        "status": {"type": "integer"},
        "detail": _STRING,
        "code": {"enum": sorted(PROBLEMS)},
    }
    return {
        "description": "RFC 9457. Codes are stable; some bring members of their own, such as `changed_since`.",
        "type": "object",
        "properties": members,
        "required": list(members),
    }


def _closed(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _plan_review() -> Schema:
    shown = {"anyOf": [_shown_receipt(), {"type": "null"}]}
    base = {"anyOf": [_stacks(1), {"type": "null"}]}
    return {**_closed(stacks=_stacks(1), receipt=shown, base=base), "required": ["stacks"]}


def _coverage() -> Schema:
    gone: Schema = {"type": "object", "propertyNames": {"enum": [kind.value for kind in Kind]}}
    gone["additionalProperties"] = _NAMES
    return {**_closed(stacks=_stacks(1), receipt=_shown_receipt(), gone=gone), "required": ["stacks", "receipt"]}


def _shown_receipt() -> Schema:
    return _closed(token=_STRING, objects={"type": "object", "additionalProperties": _STRING})


def _page(item: str) -> Schema:
    return _closed(items={"type": "array", "items": _ref(item)}, next_cursor=_NULLABLE)


def _named(kind: Kind) -> Schema:
    body = body_schema(kind, "#/components/schemas/{model}")
    return {
        "type": "object",
        "properties": {"name": _STRING, **body["properties"]},
        "required": ["name", *body["required"]],
        "additionalProperties": False,
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _tidy(schema: Any) -> Any:  # Any: JSON Schema is JSON
    if isinstance(schema, dict):
        return {key: _tidy(inner) for key, inner in schema.items() if key not in _DROPPED or not isinstance(inner, str)}
    if isinstance(schema, list):
        return [_tidy(inner) for inner in schema]
    return schema
