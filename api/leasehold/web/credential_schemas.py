"""The schemas of `/v1/credentials`."""

from __future__ import annotations

from typing import Any

from leasehold.model.external import CredentialState, Ending

_STRING: dict[str, Any] = {"type": "string"}  # Any: JSON Schema is JSON
FORMATS = ("json", "credential_process", "container")
_TIME = {"type": "string", "format": "date-time"}


def credential_schemas() -> dict[str, Any]:  # Any: as above
    """The schemas that these operations refer to, by name."""
    named = dict.fromkeys(("id", "lease", "agent", "profile", "type", "reference", "problem"), _STRING)
    record = {
        **named,
        "ending": {"enum": [one.value for one in Ending]},
        "state": {"enum": [one.value for one in CredentialState]},
        **dict.fromkeys(("issued_at", "lease_expires_at", "live_until"), _TIME),
        "attempts": {"type": "integer", "minimum": 0},
    }
    keys = {"AccessKeyId": _STRING, "SecretAccessKey": _STRING, "Expiration": _TIME}
    ours = {
        **dict.fromkeys(("id", "lease", "profile", "type"), _STRING),
        **dict.fromkeys(("expires_at", "live_until"), _TIME),
        "credential": {"type": "object", "additionalProperties": _STRING},
    }
    items = {"type": "array", "items": {"$ref": "#/components/schemas/Credential"}}
    container = _closed({**keys, "Token": _STRING})
    process = _closed({"Version": {"const": 1}, **keys, "SessionToken": _STRING})
    return {
        "CredentialFormat": {"enum": list(FORMATS)},
        "CredentialState": {"enum": [one.value for one in CredentialState]},
        "Credential": _closed(record),
        "CredentialPage": _closed({"items": items, "next_cursor": {"type": ["string", "null"]}}),
        "CredentialBody": {**_closed({"ttl": {"type": ["integer", "null"], "minimum": 1}}), "required": []},
        "ContainerCredential": container,
        "IssuedCredential": {"oneOf": [_closed(ours), process, container]},
    }


def _closed(properties: dict[str, Any]) -> dict[str, Any]:  # Any: as above
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
