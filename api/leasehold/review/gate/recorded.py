"""C7: calls that were really made and would be decided otherwise, from the record of decisions."""

from __future__ import annotations

from collections.abc import Iterator

from leasehold.review.gate.rules import Check
from leasehold.review.gate.scenes import Scene
from leasehold.review.gate.verdicts import GateFinding
from leasehold.review.quotation import quoted
from leasehold.review.replays import PlanReplay, TurnedCalls


def turned_decisions(scene: Scene) -> Iterator[GateFinding]:
    """One finding for each agent and tool, with the newest decision as an example; and what was not replayed."""
    replay = scene.replay
    if replay is None:
        return
    if replay.withheld:
        yield scene.finding(Check.NOT_REPLAYED, "decisions on record were not replayed: an auditor may ask for that")
    for one in replay.turned:
        check = Check.REPLAY_ALLOWS if one.allowed else Check.REPLAY_DENIES
        yield scene.finding(check, _said(one), agent=one.agent)
    yield from _more(scene, replay)
    if replay.left_out:
        said = f"{replay.left_out} of the newest decisions on record were not replayed in time"
        yield scene.finding(Check.NOT_REPLAYED, said)


def _more(scene: Scene, replay: PlanReplay) -> Iterator[GateFinding]:
    """Beyond what one report shows."""
    for allowed, total in ((True, replay.newly_allowed), (False, replay.newly_denied)):
        rest = total - sum(one.count for one in replay.turned if one.allowed is allowed)
        if rest:
            check = Check.REPLAY_ALLOWS if allowed else Check.REPLAY_DENIES
            yield scene.finding(check, f"{rest} more calls on record would be {_word(allowed)}")


def _said(one: TurnedCalls) -> str:
    who = f"of agent {quoted(one.agent)}" if one.agent is not None else "of people themselves"
    calls = "1 call" if one.count == 1 else f"{one.count} calls"
    example = f"decision {quoted(one.example)} for {quoted(one.principal)}"
    return f"{calls} on record {who}, {quoted(one.action)}, would be {_word(one.allowed)}: {example}"


def _word(allowed: bool) -> str:
    return "allowed, denied as things are" if allowed else "denied, allowed as things are"
