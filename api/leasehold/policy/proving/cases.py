"""One agent's calls, for one person or for nobody, on one thing or on what nobody named: both sides, in both versions.

All that the registry knows of them counts as each version has it, relations included. Open is what only a call tells:
its arguments, its moment and address, the groups of the person's login.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from leasehold.model.access_requests import AccessRequest
from leasehold.model.entities import ACTS_ON_BEHALF_OF, AGENT, GATHERINGS, USER, Entity, EntityRef
from leasehold.model.policies import PolicySide
from leasehold.policy.asking import Party, entities_of, open_question
from leasehold.policy.cedar.known import Known, Lookup
from leasehold.policy.cedar.shapes import EMPTY
from leasehold.policy.cedar.vocabulary import relation_ref
from leasehold.policy.deciding import decision_on
from leasehold.policy.proving.holding import held
from leasehold.policy.proving.judging import Judging
from leasehold.policy.proving.operators import same_being
from leasehold.policy.proving.questions import (
    ANYTHING,
    Holder,
    Versions,
    holdings,
    letters_of,
    nodes_of,
    resource_types,
    spoken,
)
from leasehold.policy.proving.raised import Ends, Raised
from leasehold.policy.proving.registered_things import Answers, one_by_one
from leasehold.policy.proving.searching import DECIDED_ALIKE, Search
from leasehold.policy.proving.symbols import Symbols, letters
from leasehold.policy.proving.terms import Being, Formula
from leasehold.policy.proving.witnesses import Asked, Reading, Witness, supposing
from leasehold.policy.published import ActionFacts, Published

_NOTHING = Known({}, frozenset())


@dataclass(frozen=True, slots=True)
class Who:
    """An agent, whom it acts for (None: itself), and on what (None: on anything but `apart`)."""

    agent: EntityRef
    user: EntityRef | None
    resource: EntityRef | None
    apart: frozenset[EntityRef] = frozenset()

    def parties(self) -> list[tuple[PolicySide, EntityRef]]:
        """Whoever must be let, each on their side."""
        user = [] if self.user is None else [(PolicySide.USER, self.user)]
        return [(PolicySide.AGENT, self.agent), *user]

    def named(self) -> list[EntityRef]:
        """Everybody and everything in question that is known by name."""
        return [one for one in (self.agent, self.user, self.resource) if one is not None]


class Case:
    """One of them and one tool, with one set of unknowns."""

    def __init__(self, versions: Versions, action: str, who: Who, raised: Raised) -> None:
        self._versions, self._action, self._who, self._raised = versions, action, who, raised
        sides = [(version, *party) for version in versions.both for party in who.parties()]
        said = [one for version, side, _ in sides for one in spoken(version, side, action)]
        grants = [one for version, side, ref in sides for one in holdings(version, side, action, Holder(ref))]
        self._looked_up = [_looked_up(version, action, who, versions) for version in versions.both]
        known = (*self._looked_up, *(one.entities for one in versions.both))
        written = letters_of(nodes_of(said, versions.bounds), grants, known, who.named())
        self._logic = versions.logic
        self._symbols = Symbols(self._logic, letters(self._logic, written))
        self._resource = self._thing(0)
        self._allows = [self._allowing(at) for at in (0, 1)]

    def widening(self) -> Witness | str | None:
        """A call that only the new one allows, None if there is none, or why nobody can tell."""
        return self._difference(denying=0, allowing=1)

    def narrowing(self) -> Witness | str | None:
        """The same, of a call that only the old one allows."""
        return self._difference(denying=1, allowing=0)

    def _difference(self, *, denying: int, allowing: int) -> Witness | str | None:
        yes, no = self._versions.both[allowing], self._versions.both[denying]
        if self._allows[allowing].eq(self._allows[denying]):
            return None
        question = self._logic.both(self._allows[allowing], self._logic.no(self._allows[denying]), *self._elsewhere())
        model = Search(self._symbols, self._versions.at, self._versions.bounds).model(question)
        if model is None or isinstance(model, str):
            return model
        others = {"on_behalf_of": self._who.user, "via_agent": None}
        principal = self._being("principal", self._who.agent, allowing)
        asked = Asked(PolicySide.AGENT, yes.actions[self._action], principal, self._resource, self._versions.at, others)
        witness = Reading(model, self._symbols, asked, yes).witness(None)
        if decided_so(witness, yes) and not decided_so(witness, no):
            return witness
        return DECIDED_ALIKE

    def _elsewhere(self) -> Iterable[Formula]:
        """It is none of the things that are asked about by name."""
        apart = self._who.apart if self._who.resource is None else ()
        return (self._logic.no(same_being(self._logic, self._resource, one)) for one in sorted(apart))

    def _allowing(self, at: int) -> Formula:
        version, logic = self._versions.both[at], self._logic
        facts = version.actions.get(self._action)
        if facts is None or facts.tool is None:
            return logic.false
        if any(version.facts.known.get(ref) is None for _, ref in self._who.parties()):
            return logic.false
        return logic.both(*(self._side(at, facts, side, ref) for side, ref in self._who.parties()))

    def _side(self, at: int, facts: ActionFacts, side: PolicySide, ref: EntityRef) -> Formula:
        version = self._versions.both[at]
        user = None if self._who.user is None else self._being("on_behalf_of", self._who.user, at)
        self._symbols.settle("context.on_behalf_of", user)
        self._symbols.settle("context.via_agent", self._being("via_agent", self._who.agent, at))
        found, thing = holdings(version, side, self._action, Holder(ref)), self._thing(at)
        arguments = facts.tool.arguments if facts.tool is not None else EMPTY
        granted = held(found, thing, arguments, self._symbols)
        judging = Judging(self._versions.both, at, self._symbols, thing)
        policies = spoken(version, side, self._action)
        return judging.allows(side, facts, self._being("principal", ref, at), policies, granted)

    def _being(self, path: str, ref: EntityRef, at: int, *, is_open: bool = False) -> Being:
        logic = self._logic
        return Being(
            path,
            logic.text(ref.type),
            logic.text(ref.id),
            (ref.type,),
            fixed=ref,
            known=self._looked_up[at].get(ref) or _NOTHING,
            by_login=self._by_login(ref, at),
            open=is_open,
        )

    def _thing(self, at: int) -> Being:
        if self._who.resource is not None:
            return self._being("resource", self._who.resource, at, is_open=True)
        return replace(self._symbols.being("resource", resource_types(self._versions.both)), stranger=True)

    def _by_login(self, ref: EntityRef, at: int) -> Callable[[EntityRef], Iterable[EntityRef]]:
        """The groups of the person's login that would put somebody of the question into something."""
        if self._who.user is None or ref.type not in {AGENT, USER}:
            return lambda _: ()
        ties = self._ties(ref, at)

        def into(above: EntityRef) -> Iterable[EntityRef]:
            groups = ties.get(above, frozenset())
            if ref.type == USER and above.type in GATHERINGS:
                groups |= {above}
            return sorted(groups | self._below(groups, at))

        return into

    def _below(self, groups: frozenset[EntityRef], at: int) -> frozenset[EntityRef]:
        """What lies in one of the groups, of what lies elsewhere in the other version."""
        moved = (one for one in self._raised.moved if one.type in GATHERINGS)
        known = self._versions.both[at].facts.known
        return frozenset(one for one in moved if one in known and groups & known[one].ancestors)

    def _ties(self, ref: EntityRef, at: int) -> Mapping[EntityRef, frozenset[EntityRef]]:
        """By relation to the thing and the person of the question: the groups that have it."""
        if ref.type == AGENT:
            return self._acts_for(ref, at)
        ends: Ends = self._raised.ends[at]
        return {
            relation_ref(target, name): frozenset(one for one in those if one.type in GATHERINGS)
            for (target, name), those in ends.items()
            if target in {self._who.user, self._who.resource}
        }

    def _acts_for(self, agent: EntityRef, at: int) -> Mapping[EntityRef, frozenset[EntityRef]]:
        """An agent that acts for a group does so for whoever logs in with it."""
        user, version = self._who.user, self._versions.both[at]
        above = (version.facts.known.get(agent) or _NOTHING).ancestors
        targets = version.facts.relations.targets(above | {agent}, ACTS_ON_BEHALF_OF)
        groups = frozenset(one for one in targets if one.type in GATHERINGS)
        return {} if user is None else {relation_ref(user, ACTS_ON_BEHALF_OF): groups}


def decided(versions: Versions, action: str, who: Who, raised: Raised) -> Answers:
    """A call that only the new version allows, and one that only the old one does; None, or why nobody can tell."""

    def ask(thing: EntityRef | None, apart: frozenset[EntityRef]) -> Answers:
        named = who.resource if thing is None else thing
        case = Case(versions, action, replace(who, resource=named, apart=who.apart | apart), raised)
        return case.widening(), case.narrowing()

    return one_by_one(ask, versions.both)


def decided_so(witness: Witness, published: Published) -> bool:
    """Whether both sides allow the call."""
    return decision_on(witness.request, supposing(witness, PolicySide.AGENT, published)).allowed


def _looked_up(version: Published, action: str, who: Who, versions: Versions) -> Lookup:
    """What is known of those who are in question, with the relations between them."""
    known = version.facts.known.get(who.agent)
    if known is None or action not in version.desks:
        return version.entities
    user = Entity(ref=who.user) if who.user is not None else None
    resource = who.resource or EntityRef(ANYTHING, "")
    request = AccessRequest(
        subject=Entity(ref=who.agent), action=action, resource=Entity(ref=resource), at=versions.at, user=user
    )
    return entities_of(open_question(request, resource, version), Party(who.agent, known, who.user))
