"""Two versions, action by action: what does one allow that the other denies? Proved, or said to be unproven."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cache

import z3

from leasehold.model.access import Reach
from leasehold.model.entities import Entity, EntityRef
from leasehold.model.policies import PolicySide
from leasehold.policy.proving.cases import Who, decided, decided_so
from leasehold.policy.proving.holding import same_holdings
from leasehold.policy.proving.questions import About, Holder, Question, Versions, holdings, said, spoken
from leasehold.policy.proving.quick import guessed, more, reaches
from leasehold.policy.proving.raised import Matter, Raised
from leasehold.policy.proving.registered_things import Answers, one_by_one
from leasehold.policy.proving.searching import Bounds
from leasehold.policy.proving.terms import Logic, NotModelled
from leasehold.policy.proving.witnesses import Witness, allowed
from leasehold.policy.published import Published

USUAL = Bounds()


class Movement(StrEnum):
    """How what is allowed moved."""

    EQUIVALENT = "equivalent"
    WIDENS = "widens"
    NARROWS = "narrows"
    BOTH = "both"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was found. A movement that widens always has its witness; `why` says what kept it from being proved.

    `about` is whom and what it is about, where facts moved that policies look at.
    """

    side: PolicySide
    action: str
    movement: Movement
    widening: Witness | None = None
    narrowing: Witness | None = None
    why: str = ""
    about: Matter | None = None


class Comparison:
    """The old version and the new, at one moment."""

    def __init__(self, old: Published, new: Published, at: datetime, bounds: Bounds = USUAL) -> None:
        self._versions = Versions(old, new, at, bounds, Logic())
        self._raised = Raised(old, new)
        self._found: dict[tuple[object, ...], Proof] = {}
        self.spoken_alike = cache(self._spoken_alike)

    def changed(self) -> Iterator[Proof]:
        """Every side and action of which the policies are not the very same, proved."""
        return (self.proof(side, action) for side, action in self.moved())

    def moved(self) -> Iterator[tuple[PolicySide, str]]:
        """Every side and action of which the policies are not the very same."""
        actions = sorted({action for one in self._versions.both for action in one.actions})
        for side in PolicySide:
            yield from ((side, action) for action in actions if not self.spoken_alike(side, action))

    def unchanged(self, action: str, holder: Holder) -> bool:
        """True if nothing that an agent's calls of a tool are decided by is another: then nothing needs a proof."""
        old, new = self._versions.both
        was, now = (holdings(one, PolicySide.AGENT, action, holder) for one in (old, new))
        known = old.facts.known.get(holder.ref) == new.facts.known.get(holder.ref)
        return known and same_holdings(was, now) and self.spoken_alike(PolicySide.AGENT, action)

    def by_facts(self, action: str, holder: Holder) -> bool:
        """True if policies say the same and the same is granted: only what is known of the agent is another."""
        was, now = (holdings(one, PolicySide.AGENT, action, holder) for one in self._versions.both)
        known = all(holder.ref in one.facts.known for one in self._versions.both)
        return known and same_holdings(was, now) and self.spoken_alike(PolicySide.AGENT, action)

    def proof(self, side: PolicySide, action: str, holder: Holder | None = None) -> Proof:
        """What changed of one action: for whoever holds it, or for one holder."""
        try:
            return self._proved(side, action, holder)
        except NotModelled as reason:
            return _beyond(side, action, reason)
        except (z3.Z3Exception, RecursionError) as error:
            return _failed(side, action, error)

    def of_agent(self, action: str, holder: Holder) -> Proof:
        """What changed of an agent's calls of a tool: by the algebra of grants where that is enough."""
        return self._by_grants(action, holder) or self._like_another(action, holder)

    def matters(self, action: str, holder: Holder) -> list[Matter]:
        """Whom and what facts bear on that moved, of an agent's calls of a tool. One that is on nobody is unproven."""
        try:
            return self._raised.matters(action, holder.ref)
        except NotModelled as reason:
            return [Matter(None, None, untold=str(reason))]

    def of_matter(self, action: str, holder: Holder, matter: Matter) -> Proof:
        """What changed of those calls for one of them."""
        try:
            return self._of_matter(action, holder, matter)
        except NotModelled as reason:
            return _beyond(PolicySide.AGENT, action, reason, matter)
        except (z3.Z3Exception, RecursionError) as error:
            return _failed(PolicySide.AGENT, action, error, matter)

    def _of_matter(self, action: str, holder: Holder, matter: Matter) -> Proof:
        """As of another agent that is alike to policies and grants, if its calls are decided so."""
        if matter.untold:
            raise NotModelled(matter.untold)
        tied = holder.ref if self._raised.has_ties(action) else None
        key = self._likeness(action, holder), tied, matter.user, matter.resource, matter.apart
        other = self._found.get(key)
        proof = _of_another(other, holder, self._versions.both) if other is not None else None
        if proof is None:
            who = Who(holder.ref, matter.user, matter.resource, matter.apart)
            proof = _proof(PolicySide.AGENT, action, *decided(self._versions, action, who, self._raised), matter)
        self._found.setdefault(key, proof)
        return replace(proof, about=matter)

    def _by_grants(self, action: str, holder: Holder) -> Proof | None:
        """Where policies say the same of both versions, less is granted or a call shows what is more."""
        old, new = self._versions.both
        if not self._alike_but_for_grants(action, holder):
            return None
        was, now = (_reaches(one, action, holder) for one in (old, new))
        gained = more(now, was) if was is not None and now is not None else None
        lost = more(was, now) if was is not None and now is not None else None
        if was is None or gained is None or lost is None:
            return None
        widening = (
            guessed(holder.ref, new.actions[action], gained, was, (old, new, self._versions.at)) if gained else None
        )
        if gained and widening is None:
            return None
        return Proof(
            side=PolicySide.AGENT, action=action, movement=_movement(widening, lost or None), widening=widening
        )

    def _alike_but_for_grants(self, action: str, holder: Holder) -> bool:
        old, new = self._versions.both
        known = [one.facts.known.get(holder.ref) for one in (old, new)]
        tools = [one.actions[action].tool for one in (old, new) if action in one.actions]
        if len({one.arguments for one in tools if one is not None}) != 1:
            return False
        if not any(spoken(one, PolicySide.AGENT, action) for one in (old, new)):
            return True
        return known[0] == known[1] and self.spoken_alike(PolicySide.AGENT, action)

    def _like_another(self, action: str, holder: Holder) -> Proof:
        """Agents that no policy names, in the same groups and with the same grants, are decided alike."""
        key = self._likeness(action, holder)
        other = self._found.get(key)
        proof = (
            self.proof(PolicySide.AGENT, action, holder) if other is None else _of(other, holder, self._versions.both)
        )
        if proof is None:  # its witness is no witness here
            proof = self.proof(PolicySide.AGENT, action, holder)
        self._found.setdefault(key, proof)
        return proof

    def _likeness(self, action: str, holder: Holder) -> tuple[object, ...]:
        rules = [
            tuple(one.rule for one in holdings(of, PolicySide.AGENT, action, holder)) for of in self._versions.both
        ]
        known = [of.facts.known.get(holder.ref) for of in self._versions.both]
        facts = [(tuple(sorted(one.attributes.items(), key=str)), one.ancestors) if one else None for one in known]
        named = holder.ref if holder.ref in self._raised.looks(action).named else None
        return action, *rules, str(facts), named

    def _proved(self, side: PolicySide, action: str, holder: Holder | None) -> Proof:
        tools = [one.actions[action].tool for one in self._versions.both if action in one.actions]
        if None in tools:
            raise NotModelled("another application's question")
        if len({one.arguments for one in tools if one is not None}) > 1:
            raise NotModelled("the tool's arguments change too")

        def ask(thing: EntityRef | None, apart: frozenset[EntityRef]) -> Answers:
            question = Question(self._versions, side, action, holder, About(thing, apart))
            return question.widening(), question.narrowing()

        return _proof(side, action, *one_by_one(ask, self._versions.both))

    def _spoken_alike(self, side: PolicySide, action: str) -> bool:
        """True if the policies that can speak about the action say the same, and the tool is the same to them."""
        old, new = self._versions.both
        was, now = ({said(one) for one in spoken(version, side, action)} for version in (old, new))
        tools = [one.actions[action].facts if action in one.actions else None for one in (old, new)]
        return was == now and (tools[0] == tools[1] or not now)


def _proof(side: PolicySide, action: str, widening: object, narrowing: object, about: Matter | None = None) -> Proof:
    why = next((one for one in (widening, narrowing) if isinstance(one, str)), "")
    return Proof(
        side=side,
        action=action,
        movement=Movement.UNPROVEN if why else _movement(widening, narrowing),
        widening=widening if isinstance(widening, Witness) else None,
        narrowing=narrowing if isinstance(narrowing, Witness) else None,
        why=why,
        about=about,
    )


def _beyond(side: PolicySide, action: str, reason: NotModelled, about: Matter | None = None) -> Proof:
    why = f"beyond what can be proved: {reason}"
    return Proof(side=side, action=action, movement=Movement.UNPROVEN, why=why, about=about)


def _failed(side: PolicySide, action: str, error: Exception, about: Matter | None = None) -> Proof:
    return Proof(side=side, action=action, movement=Movement.UNPROVEN, why=type(error).__name__, about=about)


def _reaches(version: Published, action: str, holder: Holder) -> tuple[Reach, ...] | None:
    if holder.ref not in version.facts.known or action not in version.actions:
        return ()
    server, _, tool = action.partition("/")
    return reaches(holdings(version, PolicySide.AGENT, action, holder), server, tool)


def _of(other: Proof, holder: Holder, versions: tuple[Published, Published]) -> Proof | None:
    """The proof of another agent as this one's; None if its calls are not decided so."""
    old, new = versions
    widening, narrowing = (_as(one, holder) for one in (other.widening, other.narrowing))
    for witness, yes, no in ((widening, new, old), (narrowing, old, new)):
        if witness and (not allowed(witness, PolicySide.AGENT, yes) or allowed(witness, PolicySide.AGENT, no)):
            return None
    return replace(other, widening=widening, narrowing=narrowing)


def _of_another(other: Proof, holder: Holder, versions: tuple[Published, Published]) -> Proof | None:
    """The same of what both sides decide together."""
    old, new = versions
    widening, narrowing = (_as(one, holder) for one in (other.widening, other.narrowing))
    for witness, yes, no in ((widening, new, old), (narrowing, old, new)):
        if witness and (not decided_so(witness, yes) or decided_so(witness, no)):
            return None
    return replace(other, widening=widening, narrowing=narrowing)


def _as(witness: Witness | None, holder: Holder) -> Witness | None:
    if witness is None:
        return None
    return replace(witness, request=replace(witness.request, subject=Entity(ref=holder.ref)))


def _movement(widening: object, narrowing: object) -> Movement:
    if widening is not None:
        return Movement.BOTH if narrowing is not None else Movement.WIDENS
    return Movement.NARROWS if narrowing is not None else Movement.EQUIVALENT
