"""JSON Schemas of the audit trail."""

from __future__ import annotations

from typing import Any

from leasehold.model.events import Outcome

Schema = dict[str, Any]  # Any: JSON Schema is JSON
_STRING: Schema = {"type": "string"}
_NULLABLE: Schema = {"type": ["string", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TIME: Schema = {"type": "string", "format": "date-time"}
_HASH: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def audit_schemas() -> dict[str, Schema]:
    """By name."""
    place = {"type": ["integer", "null"], "description": "Its place in the trail, null until it is sealed."}
    about = _closed(**dict.fromkeys(("agent", "user", "owner", "tool", "lease", "deployment"), _NULLABLE))
    content = _closed(subject=_STRING, digest=_HASH, sealed=_HASH)
    event = _closed(
        sequence=_COUNT,
        position=place,
        at=_TIME,
        principal=_STRING,
        action=_STRING,
        kind=_STRING,
        name=_STRING,
        outcome={"enum": [outcome.value for outcome in Outcome]},
        reason=_STRING,
        stack=_NULLABLE,
        source={**_NULLABLE, "description": "The address that the request came from."},
        trace={**_NULLABLE, "description": "The trace that the request was part of (W3C Trace Context)."},
        content={**content, "type": ["object", "null"], "description": "What stands for inputs and outputs."},
        about={**about, "description": "Whom and what it is about, with what the registry knew of that then."},
        detail={"type": "object"},
    )
    proof = _closed(
        position=_COUNT, size=_COUNT, leaf=_HASH, proof={"type": "array", "items": _HASH}, checkpoint=_STRING
    )
    hold: Schema = {"name": _STRING, "reason": _STRING, "agent": _NULLABLE, "by": _STRING, "at": _TIME}
    export = _closed(
        name=_STRING,
        to={**_STRING, "description": "As the settings say it."},
        position={**_COUNT, "description": "The place that it is told next."},
        size={**_COUNT, "description": "The end of the trail."},
        told_at={**_NULLABLE, "description": "When it last took something."},
        set_aside={"type": "array", "items": _COUNT, "description": "The newest places that it did not take."},
    )
    return {
        "AuditExport": export,
        "AuditExports": _closed(items={"type": "array", "items": {"$ref": "#/components/schemas/AuditExport"}}),
        "AuditTest": _closed(name=_STRING, tested=_COUNT),
        "ReplayBody": _closed(start=_COUNT),
        "AuditEvent": event,
        "AuditCheckpoint": _closed(size=_COUNT, at=_TIME, note=_STRING, verifier_key=_STRING),
        "ErasureBody": _closed(subject=_STRING, reason=_STRING),
        "Erasure": _closed(subject=_STRING, erased=_COUNT, at=_TIME),
        "HoldBody": {**_closed(reason=_STRING, agent=_NULLABLE), "required": ["reason"]},
        "AuditHold": _closed(**hold),
        "AuditHolds": _closed(items={"type": "array", "items": _closed(**hold)}),
        "AuditProof": {**proof, "required": ["proof", "checkpoint"]},
    }


def _closed(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
