"""Events as OCSF 1.8 (Open Cybersecurity Schema Framework), class by class.

| what happened | class |
|---|---|
| a lease was taken, or refused | Authentication 3002, service ticket request |
| a grant was given or taken away | User Access Management 3005 |
| another object was written | Entity Management 3004 |
| all else: decisions, tool calls, exports | API Activity 6003 |

Place, predecessor and leaf hash go along, so that whoever receives the events sees at once that one is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.trail.telling import Told

VERSION = "1.8.0"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_GRANTS, _LEASES = frozenset({"grants", "grant-sets"}), "leases"
_ENTITIES = frozenset(
    {"owners", "agents", "trust-issuers", "workload-bindings", "tool-servers", "tool-pins", "scopes", "personas"}
    | {"ceilings", "policies", "deployments", "credential-profiles", "users", "resources", "relations"}
    | {"drift-exceptions", "connections", "server"}
)
_WRITES = {"create": 1, "put": 3, "update": 3, "delete": 4}
_ENDS = frozenset({"delete", "revoke", "end"})
_API = {"create": 1, "read": 2, "update": 3, "delete": 4}
_OTHER, _UNKNOWN, _TICKET, _LOGOFF = 99, 0, 4, 2
_STATUS = {Outcome.OK: (1, "Success"), Outcome.DENIED: (2, "Failure"), Outcome.ERROR: (2, "Failure")}
_SEVERITY = {Outcome.OK: (1, "Informational"), Outcome.DENIED: (2, "Low"), Outcome.ERROR: (3, "Medium")}
Document = dict[str, object]


def ocsf_document(told: Told) -> Document:
    """One event as OCSF JSON."""
    event = told.record.event
    if event.kind == _LEASES:
        return _common(told, 3, 3002, _LOGOFF if event.action in _ENDS else _TICKET) | _authentication(told)
    if event.kind in _GRANTS and event.action in _WRITES:
        return _common(told, 3, 3005, 2 if event.action in _ENDS else 1) | _user_access(told)
    if event.kind in _ENTITIES:
        return _common(told, 3, 3004, _WRITES.get(event.action, _OTHER)) | _entity(told)
    return _common(told, 6, 6003, _API.get(event.action, _OTHER)) | _api_activity(told)


def _common(told: Told, category: int, class_uid: int, activity: int) -> Document:
    event = told.record.event
    (status_id, status), (severity_id, severity) = _STATUS[event.outcome], _SEVERITY[event.outcome]
    metadata: Document = {
        "version": VERSION,
        "product": {"name": "Leasehold", "vendor_name": "Leasehold"},
        "uid": f"{told.origin}/{told.position}",
        "sequence": told.position,
        "log_name": told.origin,
        "event_code": f"{event.kind}.{event.action}",
    }
    if event.origin.trace:
        metadata["correlation_uid"] = event.origin.trace
    return {
        "category_uid": category,
        "class_uid": class_uid,
        "activity_id": activity,
        "activity_name": event.action,
        "type_uid": class_uid * 100 + activity,
        "time": (event.at - _EPOCH) // timedelta(milliseconds=1),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "status_detail": event.reason,
        "message": f"{event.principal} {event.action} {event.kind}/{event.name}: {event.outcome.value}",
        "metadata": metadata,
        "unmapped": {
            **_chained(told),
            "kind": event.kind,
            "name": event.name,
            "about": told.seal.about.document(),
            "detail": dict(event.detail),
        },
    }


def _chained(told: Told) -> Mapping[str, object]:
    return {"position": told.position, "previous": told.previous.hex(), "leaf": told.seal.leaf.hex()}


def _user(name: str) -> Document:
    return {"name": name, "uid": name}


def _authentication(told: Told) -> Document:
    event = told.record.event
    service = event.detail.get("resource") or event.detail.get("audience") or "leasehold"
    found: Document = {"user": _user(event.principal), "service": {"name": str(service)}, "auth_protocol": "OAuth 2.0"}
    found["auth_protocol_id"] = _OTHER
    found |= {"session": {"uid": event.name}} if event.name else {}
    return found | _source(event)


def _user_access(told: Told) -> Document:
    event = told.record.event
    agent = told.seal.about.agent or event.name.partition("/")[0]
    found: Document = {"user": _user(f"agent:{agent}"), "privileges": [event.name], "actor": _actor(told)}
    return found | _source(event)


def _entity(told: Told) -> Document:
    event = told.record.event
    entity = {"name": event.name, "uid": f"{event.kind}/{event.name}", "type": event.kind}
    return {"entity": entity, "actor": _actor(told)} | _source(event)


def _api_activity(told: Told) -> Document:
    event = told.record.event
    operation = told.seal.about.tool or f"{event.kind}.{event.action}"
    resource = event.detail.get("resource")
    found: Document = {"actor": _actor(told), "api": {"operation": operation, "service": {"name": event.kind}}}
    found |= {"resources": [{"name": resource, "uid": resource}]} if isinstance(resource, str) and resource else {}
    return {"src_endpoint": {"name": event.principal}} | found | _source(event)


def _actor(told: Told) -> Document:
    about = told.seal.about
    actor: Document = {"user": _user(f"user:{about.user}" if about.user else told.record.event.principal)}
    actor |= {"app_name": f"agent:{about.agent}", "app_uid": f"agent:{about.agent}"} if about.agent else {}
    return actor | ({"session": {"uid": about.lease}} if about.lease else {})


def _source(event: AuditEvent) -> Document:
    source = event.origin.source
    address = bool(source) and all(c in "0123456789abcdefABCDEF.:" for c in source)
    return {"src_endpoint": {"ip" if address else "name": source}} if source else {}
