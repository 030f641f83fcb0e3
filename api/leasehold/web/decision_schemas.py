"""JSON Schemas of questions about decisions and their answers."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]  # Any: JSON Schema is JSON
_STRING: Schema = {"type": "string"}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TIME: Schema = {"type": "string", "format": "date-time"}
_FLAG: Schema = {"type": "boolean"}
_OBJECT: Schema = {"type": "object"}
_NAMES: Schema = {"type": "array", "items": _STRING}
_ENTITY: Schema = {"type": "string", "description": "`type:id`."}


def decision_schemas() -> dict[str, Schema]:
    """By name."""
    side = _open(side=_STRING, allowed=_FLAG, reason=_STRING, determining=_NAMES, failed=_NAMES, would_allow=_FLAG)
    condition = _closed(text=_STRING, held={"type": ["boolean", "null"]})
    policy = _closed(
        id=_STRING,
        side=_STRING,
        policy=_STRING,
        line=_COUNT,
        effect={"enum": ["permit", "forbid"]},
        enforced=_FLAG,
        applied={"type": ["boolean", "null"]},
        conditions=_many(condition),
        advice=_STRING,
    )
    access = _open(
        side=_STRING,
        holder={**_TEXT_OR_NULL, "description": "`type:id`, or null for whoever `scope` speaks of."},
        action=_STRING,
        resource=_STRING,
        grant=_TEXT_OR_NULL,
        policy=_TEXT_OR_NULL,
        scope=_STRING,
        logins={**_many(_STRING), "description": "Groups (`<trust issuer>/<group>`): for anyone who logs in with one."},
        arguments=_OBJECT,
        expires_at={**_TIME, "type": ["string", "null"]},
        when={**_NAMES, "description": "One of these has to be true, if there are any."},
        unless={**_NAMES, "description": "None of these may be true."},
    )
    case = _closed(
        name=_STRING,
        expect={"enum": ["allow", "deny"]},
        reason=_STRING,
        policy=_STRING,
        at=_TIME,
        agent=_STRING,
        user=_STRING,
        subject=_ENTITY,
        tool_server=_STRING,
        tool=_STRING,
        action=_STRING,
        resource=_ENTITY,
        properties=_OBJECT,
        arguments=_OBJECT,
        context=_OBJECT,
    )
    changed = {
        "type": "object",
        "description": "Policies to decide on besides those that live, by name; null for one deleted.",
        "additionalProperties": {"anyOf": [{"$ref": "#/components/schemas/PolicyBody"}, {"type": "null"}]},
    }
    tried = _open(name=_STRING, passed=_FLAG, complaint=_STRING, decision=_FLAG, reason=_STRING, sides=_many(side))
    flip = _open(id=_STRING, at=_TIME, subject=_ENTITY, action=_STRING, resource=_ENTITY, decision=_FLAG)
    return {
        "PolicyDocument": {**_closed(document=_STRING), "required": ["document"]},
        "DecisionExplanation": _open(
            id=_STRING,
            at=_TIME,
            asked_by=_STRING,
            decision=_FLAG,
            reason=_STRING,
            version=_STRING,
            sides=_many(side),
            policies=_many(policy),
            policies_unchanged=_FLAG,
            requestable={"type": ["boolean", "null"]},
            would_pass={
                "type": ["object", "null"],
                "description": "The smallest change of arguments found that would have let it pass.",
            },
        ),
        "Could": _closed(
            agent=_STRING,
            at=_TIME,
            revision=_COUNT,
            policy_version=_STRING,
            decision={**_FLAG, "description": "Whether it could: on the resource, or on any where none was named."},
            stopped={**_TEXT_OR_NULL, "description": "Why it could get no lease, whatever it was granted."},
            reason={**_TEXT_OR_NULL, "description": "Of the decision; null where no resource was named."},
            sides=_many(side),
            items=_many(access),
        ),
        "Accesses": _closed(
            revision=_COUNT,
            policy_version=_STRING,
            known={**_FLAG, "description": "Whether the action, agent or user that was asked about is there at all."},
            total=_COUNT,
            items=_many(access),
            acts_on_behalf_of=_many(_STRING),
            next_cursor=_TEXT_OR_NULL,
        ),
        "DecisionTable": {**_closed(policies=changed, cases=_many(case)), "required": ["cases"]},
        "DecisionTableReport": _closed(policy_version=_STRING, passed=_COUNT, failed=_COUNT, cases=_many(tried)),
        "ReplayBody": {**_closed(policies=changed, limit={**_COUNT, "minimum": 1}), "required": []},
        "ReplayReport": _closed(
            policy_version=_STRING,
            replayed=_COUNT,
            unreadable=_COUNT,
            newly_allowed=_COUNT,
            newly_denied=_COUNT,
            flips=_many(flip),
        ),
    }


def _closed(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _open(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties}


def _many(item: Schema) -> Schema:
    return {"type": "array", "items": item}
