"""May this caller do this, here and now? And does what it asks for exist for it at all?

What a caller could never be allowed does not exist for it: it is not listed, and asking for it is answered like asking
for what nobody has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from leasehold.decisions.answering import decided_as
from leasehold.decisions.assembling import State
from leasehold.decisions.obligations import obligations_of
from leasehold.decisions.records import Decided
from leasehold.gateway.callers import Caller
from leasehold.gateway.metadata import challenge
from leasehold.gateway.ports import Surfaces
from leasehold.gateway.serving import Served
from leasehold.mcp.headers import Era
from leasehold.mcp.needs import Want
from leasehold.mcp.refusals import DENIED, INVALID_PARAMS, Refused
from leasehold.model.access_requests import action_name
from leasehold.model.decisions import Reason
from leasehold.model.entities import TOOL_SERVER
from leasehold.model.mcp_methods import is_reserved
from leasehold.model.patterns import covers, overlap
from leasehold.model.tool_resources import pattern_of
from leasehold.policy.possible import could_allow
from leasehold.verify.access import DETAIL_TYPE

_KEPT, _KEPT_SECONDS = 1024, 10


class Place(NamedTuple):
    """Where and when something is asked: by whom, of which tool server, on which state of the registry."""

    caller: Caller
    served: Served
    state: State
    now: datetime
    source: str | None
    era: Era


@dataclass(frozen=True, slots=True)
class Judgement:
    """A want and what was decided on it. `scope`: of the token, that alone is missing."""

    want: Want
    decided: Decided
    scope: str | None = None
    why: str = ""

    @property
    def allowed(self) -> bool:
        """True if it may go on."""
        return not self.why


async def judge(place: Place, want: Want, surfaces: Surfaces) -> Judgement:
    """The judgement on one want. Raises `Unavailable`."""
    caller, served, state, now, source, _ = place
    action = action_name(served.name, want.tool)
    question = caller.facts.question(action, want.resource, want.arguments, source)
    request = caller.facts.request(question, state, now, source)
    decided = decided_as(question, request, state, now, lease=caller.token.lease)
    decision = decided.decision
    if not decision.allowed:
        return Judgement(want, decided, why=decision.reason.value)
    if obligations_of(decision, state.published):  # we fulfil none: who cannot comply denies
        return Judgement(want, decided, why="obligation")
    if not is_reserved(want.tool) and not await surfaces.approved(served.name, want.tool):
        return Judgement(want, decided, why="not_approved")
    if not caller.token.allows(want.tool, want.resource, want.arguments):
        scope = f"mcp:tool:{want.tool}:{served.action_of(want.tool)}"
        return Judgement(want, decided, scope=scope, why="insufficient_scope")
    return Judgement(want, decided)


def existing(place: Place, tools: Iterable[str]) -> frozenset[str]:
    """The tools of which some call could be allowed to the caller with its token: what is listed can be called."""
    # A grant that ends changes no version: what was worked out is not kept for long.
    when = place.state.published.version, int(place.now.timestamp()) // _KEPT_SECONDS
    listed = place.caller.listed
    found = set()
    for tool in tools:
        known = listed.get(tool)
        if known is None or known[0] != when:
            if len(listed) >= _KEPT:
                listed.clear()
            known = listed[tool] = when, _could_call(place, tool)
        if known[1]:
            found.add(tool)
    return frozenset(found)


def refusal_of(place: Place, judgements: Iterable[Judgement]) -> Refused | None:
    """What a caller hears whose wants are not all allowed: the first that nothing can help, or all missing scopes."""
    refused = [one for one in judgements if not one.allowed]
    if not refused:
        return None
    for one in refused:
        if one.scope is None:
            return _denial(place, one)
    return _step_up(place, [one.scope for one in refused if one.scope is not None])


def _denial(place: Place, judged: Judgement) -> Refused:
    want = judged.want
    if is_reserved(want.tool) or judged.why == "not_approved" or not existing(place, (want.tool,)):
        status = 400 if place.era is Era.MODERN else 200
        return Refused(status, INVALID_PARAMS, f"{want.hidden}: {want.called[:128]}", reason=judged.why)
    if judged.why == Reason.NOT_CURRENT.value:
        return Refused(503, DENIED, "what is known of the registry is too old", reason=judged.why)
    more = {"reason": judged.why, "evaluation_id": judged.decided.id}
    return Refused(403, DENIED, "not allowed", reason=judged.why, more=more)


def _step_up(place: Place, scopes: Iterable[str]) -> Refused:
    """All that is missing, in one challenge (MCP 2026-07-28, "Scope Challenge Handling"; RFC 6750 §3.1)."""
    wanted = " ".join(sorted({*scopes, *place.caller.facts.scopes}))
    headers = {"www-authenticate": challenge(place.served.audience, error="insufficient_scope", scope=wanted)}
    return Refused(403, DENIED, "the token does not reach so far", reason="insufficient_scope", headers=headers)


def _could_call(place: Place, tool: str) -> bool:
    caller, served, state, now, source, _ = place
    definition = served.spec.tools.get(tool)
    if definition is None or is_reserved(tool):
        return False
    pattern = pattern_of(definition.resource) if definition.resource is not None else f"{TOOL_SERVER}:{served.name}"
    if not any(overlap(one, pattern) for one in _reached(caller, tool)):
        return False
    question = caller.facts.question(action_name(served.name, tool), pattern, {}, source)
    return could_allow(caller.facts.request(question, state, now, source), pattern, state.published)


def _reached(caller: Caller, tool: str) -> Iterator[str]:
    """The patterns of resources on which the token names the tool (RFC 9396)."""
    details = caller.token.claims.get("authorization_details")
    for one in details if isinstance(details, list) else ():
        if not isinstance(one, dict) or one.get("type") != DETAIL_TYPE:
            continue
        if caller.token.audience in one.get("locations", ()) and any(covers(a, tool) for a in one.get("actions", ())):
            yield from (pattern for pattern in one.get("resources", ()) if isinstance(pattern, str))
