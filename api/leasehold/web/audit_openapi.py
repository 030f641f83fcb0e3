"""What OpenAPI says of the routes of the audit trail."""

from __future__ import annotations

from leasehold.web.openapi import (
    _BODY,
    _READ,
    Operation,
    _answer,
    _body,
    _operation,
)


def audit_operation() -> Operation:
    """The audit log."""
    answers = {"200": _answer("Events, newest first.", "AuditPage")}
    return _operation("list_audit_events", "audit", answers, (*_READ, "forbidden"))


def audit_export_operation() -> Operation:
    """The trail as lines."""
    content = {"application/x-ndjson": {"schema": {"type": "string"}}}
    described = "Lines of JSON: a first line, events with their leaf hashes, and checkpoints at their places."
    answers = {"200": {"description": described, "content": content}}
    return _operation("export_audit_trail", "audit", answers, (*_READ, "forbidden"))


def audit_checkpoint_operation() -> Operation:
    """The newest checkpoint."""
    answers = {"200": _answer("A signed note, and the key that it is signed with.", "AuditCheckpoint")}
    return _operation("get_audit_checkpoint", "audit", answers, (*_READ, "forbidden", "not_found"))


def audit_content_operation() -> Operation:
    """What was shut away."""
    answers = {
        "200": {"description": "As it was said.", "content": {"application/json": {"schema": {"type": "object"}}}}
    }
    return _operation("get_audit_content", "audit", answers, (*_READ, "forbidden", "not_found"))


def audit_erase_operation() -> Operation:
    """Contents about somebody, destroyed."""
    answers = {"200": _answer("Destroyed, for good.", "Erasure")}
    operation = _operation("erase_audit_contents", "audit", answers, (*_READ, *_BODY, "forbidden"))
    operation["openapi_extra"]["requestBody"] = _body("ErasureBody")
    return operation


def audit_holds_operation() -> Operation:
    """Legal holds."""
    answers = {"200": _answer("Every hold, by name.", "AuditHolds")}
    return _operation("list_audit_holds", "audit", answers, (*_READ, "forbidden"))


def audit_hold_operation() -> Operation:
    """A legal hold."""
    operation = _operation(
        "put_audit_hold", "audit", {"200": _answer("It stands.", "AuditHold")}, (*_READ, *_BODY, "forbidden")
    )
    operation["openapi_extra"]["requestBody"] = _body("HoldBody")
    return operation


def audit_release_operation() -> Operation:
    """The end of a legal hold."""
    answers = {"204": {"description": "Ended."}}
    return _operation("delete_audit_hold", "audit", answers, (*_READ, "forbidden", "not_found"))


def audit_exports_operation() -> Operation:
    """Exports and their state."""
    answers = {"200": _answer("Every export that is configured, by name.", "AuditExports")}
    return _operation("list_audit_exports", "audit", answers, (*_READ, "forbidden"))


def audit_replay_operation() -> Operation:
    """A receiver told again."""
    answers = {"200": _answer("It is told from there on.", "AuditExport")}
    operation = _operation("replay_audit_export", "audit", answers, (*_READ, *_BODY, "forbidden", "not_found"))
    operation["openapi_extra"]["requestBody"] = _body("ReplayBody")
    return operation


def audit_test_operation() -> Operation:
    """A test event."""
    answers = {"200": _answer("The place of the event; it was taken once the export is behind it.", "AuditTest")}
    return _operation("test_audit_export", "audit", answers, (*_READ, "forbidden", "not_found"))


def audit_proof_operation() -> Operation:
    """A proof out of the trail."""
    answers = {"200": _answer("By `position`, of inclusion; by `size`, of consistency.", "AuditProof")}
    return _operation("get_audit_proof", "audit", answers, (*_READ, "forbidden", "not_found"))
