"""What the control plane tells of decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from leasehold.decisions.assembling import State
from leasehold.decisions.explaining import Explanation
from leasehold.decisions.past import Could
from leasehold.decisions.records import named, side_document
from leasehold.decisions.surveying import Surveyed
from leasehold.decisions.trying import Flip, Replay, Tried
from leasehold.model.plain import rfc3339
from leasehold.policy.explaining import PolicyTrace
from leasehold.policy.surveying import Access

Document = dict[str, object]


def explanation_document(explanation: Explanation) -> Document:
    """A decision on record, and every policy that has a say in it with its place and which of its conditions held."""
    traced = explanation.traced
    return {
        "id": explanation.id,
        "at": rfc3339(explanation.at),
        "asked_by": explanation.asked_by,
        "decision": explanation.allowed,
        **explanation.said,
        "policies": [_trace(one) for one in explanation.policies],
        "policies_unchanged": explanation.same_version,
        "requestable": traced.requestable if traced is not None else None,
        "would_pass": _change(explanation.change),
    }


def accesses_document(surveyed: Surveyed, page: Sequence[Access], cursor: str | None) -> Document:
    """Who can do what, with what is left to be true."""
    state = surveyed.state
    return {
        "revision": state.sequence,
        "policy_version": state.published.version,
        "known": surveyed.known,
        "total": len(surveyed.ways),
        "items": [_access(one, state) for one in page],
        "acts_on_behalf_of": [f"{one.type}:{state.directory.shown(one)}" for one in surveyed.acted],
        "next_cursor": cursor,
    }


def could_document(could: Could, at: datetime) -> Document:
    """What an agent could do then, and by what."""
    decision = could.decision
    return {
        "agent": could.agent,
        "at": rfc3339(at),
        "revision": could.state.sequence,
        "policy_version": could.state.published.version,
        "decision": could.able,
        "stopped": could.stopped or None,
        "reason": decision.reason.value if decision is not None else None,
        "sides": [side_document(side) for side in decision.sides] if decision is not None else [],
        "items": [_access(one, could.state) for one in could.accesses],
    }


def tried_document(state: State, tried: list[Tried]) -> Document:
    """A table, line by line."""
    return {
        "policy_version": state.published.version,
        "passed": sum(not one.complaint for one in tried),
        "failed": sum(bool(one.complaint) for one in tried),
        "cases": [
            {
                "name": one.case.name,
                "passed": not one.complaint,
                "complaint": one.complaint,
                "decision": one.decision.allowed,
                "reason": one.decision.reason.value,
                "detail": one.decision.detail,
                "would_pass": _change(one.change),
                "sides": [side_document(side) for side in one.decision.sides],
            }
            for one in tried
        ],
    }


def replay_document(state: State, replay: Replay) -> Document:
    """What would be decided otherwise."""
    return {
        "policy_version": state.published.version,
        "replayed": replay.replayed,
        "unreadable": replay.unreadable,
        "newly_allowed": replay.counts.get("allowed", 0),
        "newly_denied": replay.counts.get("denied", 0),
        "flips": [_flip(one) for one in replay.flips],
    }


def _change(change: Mapping[str, object] | None) -> Document | None:
    if change is None:
        return None
    return {name: float(one) if isinstance(one, Decimal) else one for name, one in change.items()}


def _flip(flip: Flip) -> Document:
    return {
        "id": flip.id,
        "at": rfc3339(flip.at),
        "subject": named(flip.question.subject),
        "action": flip.question.action,
        "resource": named(flip.question.resource),
        "decision": flip.after.allowed,
        "before": flip.before.value,
        "after": flip.after.reason.value,
        "determining": sorted({id_ for side in flip.after.sides for id_ in side.determining}),
    }


def _access(one: Access, state: State) -> Document:
    ref = one.holder
    found: Document = {
        "side": one.side.value,
        "holder": str(ref) if ref is not None else None,
        "action": one.action,
        "resource": one.resource,
        "grant": one.grant,
        "policy": one.policy,
        "scope": one.scope,
        "logins": list(one.logins),
        "arguments": dict(one.constraints),
        "expires_at": rfc3339(one.expires_at) if one.expires_at is not None else None,
        "when": list(one.when),
        "unless": list(one.unless),
    }
    shown = state.directory.shown(ref) if ref is not None else ""
    return found | ({"id": shown} if ref is not None and shown != ref.id else {})


def _trace(trace: PolicyTrace) -> Document:
    return {
        "id": trace.id,
        "side": trace.side.value,
        "policy": trace.document,
        "line": trace.line,
        "effect": "permit" if trace.permits else "forbid",
        "enforced": trace.enforced,
        "applied": trace.applied,
        "conditions": [{"text": one.text, "held": one.held} for one in trace.conditions],
        "advice": trace.advice,
    }
