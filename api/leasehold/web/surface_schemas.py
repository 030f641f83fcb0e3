"""JSON Schemas of what a tool server shows against its pin."""

from __future__ import annotations

from typing import Any

from leasehold.model.tool_surfaces import PinState
from leasehold.model.tools import Pinning

Schema = dict[str, Any]  # Any: JSON Schema is JSON
_STRING: Schema = {"type": "string"}
_NULLABLE: Schema = {"type": ["string", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TIME: Schema = {"type": "string", "format": "date-time"}
_NAMES: Schema = {"type": "array", "items": _STRING, "uniqueItems": True}


def surface_schemas() -> dict[str, Schema]:
    """By name."""
    pin = _closed(
        surface=_STRING,
        digest=_STRING,
        justification=_STRING,
        revision={"type": "integer", "minimum": 1},
        updated_at=_TIME,
        updated_by=_STRING,
        managed_by=_NULLABLE,
    )
    seen = _closed(digest=_STRING, first_at=_TIME, last_at=_TIME, by=_STRING, problem=_STRING)
    moved = _closed(path=_STRING, approved=_NULLABLE, live=_NULLABLE)
    changed = _closed(
        tool={**_STRING, "description": "Empty for the instructions."},
        state={"enum": [one.value for one in PinState if one is not PinState.PINNED]},
        words={"type": "array", "items": _STRING},
        fields={"type": "array", "items": moved},
        omitted=_COUNT,
    )
    return {
        "ToolSurface": _closed(
            tool_server=_STRING,
            pinning={"enum": [one.value for one in Pinning]},
            pin={"anyOf": [pin, {"type": "null"}]},
            observed={"anyOf": [seen, {"type": "null"}]},
            surface={**_NULLABLE, "description": "What was seen, as a pin of it would hold it."},
            changes={"type": "array", "items": changed},
            omitted=_COUNT,
            advice={"type": "array", "items": _closed(tool=_STRING, kind=_STRING, rule=_STRING)},
            usable=_NAMES,
            quarantined=_NAMES,
            unreadable={"type": "object", "additionalProperties": _STRING},
        ),
        "ToolObservationBody": {
            **_closed(tools={"type": "array", "items": {"type": "object"}}, instructions=_NULLABLE),
            "required": ["tools"],
        },
    }


def _closed(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
