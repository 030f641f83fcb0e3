"""What the control plane tells of decisions."""

from __future__ import annotations

from collections.abc import Mapping

from leasehold.decisions.assembling import State
from leasehold.decisions.conditions import Standing, Standings
from leasehold.decisions.explaining import Explanation
from leasehold.decisions.records import named, side_document
from leasehold.decisions.trying import Flip, Replay, Tried
from leasehold.model.authority.plain import plain_of
from leasehold.model.entities import AGENT, USER
from leasehold.model.plain import rfc3339
from leasehold.policy.published import Policy

Document = dict[str, object]
_TYPES = {AGENT: "agent", USER: "user"}


def explanation_document(explanation: Explanation) -> Document:
    """A decision on record, with the policies that made it so."""
    event = explanation.record.event
    return {
        "id": event.name,
        "at": rfc3339(event.at),
        "asked_by": event.principal,
        "decision": event.outcome.value == "ok",
        **dict(event.detail),
        "policies": _policies(explanation.policies),
        "policies_gone": list(explanation.gone),
        "policies_unchanged": explanation.same_version,
    }


def standings_document(state: State, standings: Standings, page: list[Standing], cursor: str | None) -> Document:
    """Who can do what, with what is left to be true."""
    ids = {id_ for one in page for id_ in (*one.only_if, *one.unless)}
    return {
        "revision": state.sequence,
        "policy_version": state.published.version,
        "total": len(standings.items),
        "items": [_standing(one, state) for one in page],
        "policies": _policies({id_: policy for id_, policy in standings.policies.items() if id_ in ids}),
        "next_cursor": cursor,
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


def _standing(one: Standing, state: State) -> Document:
    found: Document = {
        "subject": f"{_TYPES.get(one.subject.type, one.subject.type)}:{one.subject.id}",
        "action": one.action,
        "resource": one.resource,
        "grant": one.grant,
        "arguments": plain_of(one.constraints) if one.constraints else {},
        "expires_at": rfc3339(one.expires_at) if one.expires_at is not None else None,
        "only_if": list(one.only_if),
        "unless": list(one.unless),
    }
    shown = state.directory.shown(one.subject)
    return found | ({"id": shown} if shown != one.subject.id else {})


def _policies(policies: Mapping[str, Policy]) -> list[Document]:
    return [
        {
            "id": id_,
            "policy": policy.statement.document,
            "line": policy.statement.line,
            "effect": "permit" if policy.statement.permits else "forbid",
            "mode": policy.mode.value,
            "text": policy.statement.text,
        }
        for id_, policy in sorted(policies.items())
    ]
