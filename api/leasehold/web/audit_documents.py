"""The trail as JSON."""

from __future__ import annotations

from leasehold.model.plain import rfc3339
from leasehold.model.trail.checkpoints import Checkpoint
from leasehold.model.trail.queries import Facets, Found
from leasehold.trail.asking import Consistency, Inclusion

Document = dict[str, object]


def audit_document(found: Found) -> Document:
    """One audit event. `content` tells of what is shut away, and never what it is."""
    event = found.record.event
    content = event.content
    shut = {"subject": content.subject, "digest": content.digest, "sealed": content.commitment} if content else None
    return {
        "sequence": found.record.sequence,
        "position": found.position,
        "at": rfc3339(event.at),
        "principal": event.principal,
        "action": event.action,
        "kind": event.kind,
        "name": event.name,
        "outcome": event.outcome.value,
        "reason": event.reason,
        "stack": event.stack,
        "source": event.origin.source or None,
        "trace": event.origin.trace or None,
        "content": shut,
        "about": {name: getattr(found.about, name) for name in Facets.__slots__},
        "detail": dict(event.detail),
    }


def checkpoint_document(checkpoint: Checkpoint, verifier_key: str) -> Document:
    """A checkpoint with the key that it is signed with, for whoever does not know it better."""
    return {
        "size": checkpoint.size,
        "at": rfc3339(checkpoint.at),
        "note": checkpoint.note,
        "verifier_key": verifier_key,
    }


def inclusion_document(inclusion: Inclusion) -> Document:
    """A proof that an event is in the trail (RFC 6962 §2.1.1)."""
    return {
        "position": inclusion.position,
        "leaf": inclusion.leaf.hex(),
        "proof": [one.hex() for one in inclusion.proof],
        "checkpoint": inclusion.checkpoint.note,
    }


def consistency_document(consistency: Consistency) -> Document:
    """A proof that the trail only grew (RFC 6962 §2.1.2)."""
    return {
        "size": consistency.size,
        "proof": [one.hex() for one in consistency.proof],
        "checkpoint": consistency.checkpoint.note,
    }
