"""One side and one action, asked of two versions with the same unknowns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cedarpy import pst

from leasehold.model.entities import AGENT, RELATION, TOOL_SERVER, USER, EntityRef
from leasehold.model.policies import PolicyMode, PolicySide
from leasehold.policy.cedar.compiler import parts_of
from leasehold.policy.cedar.folding import condition_of
from leasehold.policy.cedar.index import ref_of
from leasehold.policy.cedar.known import Known, Lookup
from leasehold.policy.cedar.reading import walk
from leasehold.policy.holdings import Holding
from leasehold.policy.proving.holding import held
from leasehold.policy.proving.judging import Judging, Spoken
from leasehold.policy.proving.operators import same_being
from leasehold.policy.proving.searching import DECIDED_ALIKE, Bounds, Search
from leasehold.policy.proving.symbols import Symbols, letters
from leasehold.policy.proving.terms import Being, Formula, Logic, NotModelled
from leasehold.policy.proving.witnesses import Asked, Reading, Witness, allowed
from leasehold.policy.published import Published

_PRINCIPALS = frozenset({"agent", "user", "group", "team", "role", RELATION})
_TYPE_OF = {PolicySide.AGENT: AGENT, PolicySide.USER: USER}
ANYTHING = "thing"  # a resource of a type that nobody names


@dataclass(frozen=True, slots=True)
class Holder:
    """An agent as registered: proofs about it know who it is and what it has been granted."""

    ref: EntityRef


@dataclass(frozen=True, slots=True)
class Versions:
    """The old and the new, the moment to ask at, what a proof may cost, and the formulas' own context."""

    old: Published
    new: Published
    at: datetime
    bounds: Bounds
    logic: Logic

    @property
    def both(self) -> tuple[Published, Published]:
        """Both of them."""
        return self.old, self.new


@dataclass(frozen=True, slots=True)
class About:
    """The registered thing that a question is about; or any, but those that are `apart`."""

    thing: EntityRef | None = None
    apart: frozenset[EntityRef] = frozenset()


ANY = About()


class Question:
    """One side, one action, one set of unknowns that both versions are asked with."""

    def __init__(
        self, versions: Versions, side: PolicySide, action: str, holder: Holder | None, about: About = ANY
    ) -> None:
        self._versions, self._side, self._action, self._holder = versions, side, action, holder
        self._about = about
        self._policies = [spoken(one, side, action) for one in versions.both]
        self._holdings = [holdings(one, side, action, holder) for one in versions.both]
        expressions = nodes_of((one for several in self._policies for one in several), versions.bounds)
        grants = (one for several in self._holdings for one in several)
        things = () if about.thing is None else (about.thing,)
        literals = letters_of(expressions, grants, [one.entities for one in versions.both], things)
        self._logic = versions.logic
        self._symbols = Symbols(self._logic, letters(self._logic, literals))
        self._granted = self._symbols.flag("granted") if holder is None else None
        self._allows = [self._allowing(at) for at in (0, 1)]

    def widening(self) -> Witness | str | None:
        """A call that only the new one allows, None if there is none, or why nobody can tell."""
        return self._difference(denying=0, allowing=1)

    def narrowing(self) -> Witness | str | None:
        """The same, of a call that only the old one allows."""
        return self._difference(denying=1, allowing=0)

    def _difference(self, *, denying: int, allowing: int) -> Witness | str | None:
        question = self._logic.both(self._allows[allowing], self._logic.no(self._allows[denying]), *self._elsewhere())
        model = Search(self._symbols, self._versions.at, self._versions.bounds).model(question)
        if model is None or isinstance(model, str):
            return model
        yes, no = self._versions.both[allowing], self._versions.both[denying]
        thing = self._thing(yes)
        asked = Asked(self._side, yes.actions[self._action], self._principal(yes), thing, self._versions.at)
        witness = Reading(model, self._symbols, asked, yes).witness(self._granted)
        if allowed(witness, self._side, yes) and not allowed(witness, self._side, no):
            return witness
        return DECIDED_ALIKE

    def _allowing(self, at: int) -> Formula:
        version, logic = self._versions.both[at], self._logic
        facts, principal = version.actions.get(self._action), self._principal(version)
        if facts is None or facts.tool is None or (principal.fixed is not None and principal.known is None):
            return logic.false
        thing = self._thing(version)
        judging = Judging(self._versions.both, at, self._symbols, thing)
        granted = self._granted
        if granted is None:
            granted = held(self._holdings[at], thing, facts.tool.arguments, self._symbols)
        return judging.allows(self._side, facts, principal, self._policies[at], granted)

    def _thing(self, version: Published) -> Being:
        ref, logic = self._about.thing, self._logic
        if ref is None:
            return self._symbols.being("resource", resource_types(self._versions.both))
        known = version.entities.get(ref) or Known({}, frozenset())
        return Being(
            "resource", logic.text(ref.type), logic.text(ref.id), (ref.type,), fixed=ref, known=known, open=True
        )

    def _elsewhere(self) -> Iterable[Formula]:
        """It is none of the things that are asked about by name."""
        if not self._about.apart:
            return ()
        thing = self._symbols.being("resource", resource_types(self._versions.both))
        return (self._logic.no(same_being(self._logic, thing, one)) for one in sorted(self._about.apart))

    def _principal(self, version: Published) -> Being:
        type_ = _TYPE_OF[self._side]
        if self._holder is None:
            return self._symbols.being("principal", (type_,))
        ref, logic = self._holder.ref, self._logic
        known = version.facts.known.get(ref)
        return Being("principal", logic.text(type_), logic.text(ref.id), (type_,), fixed=ref, known=known)


def resource_types(versions: tuple[Published, Published]) -> tuple[str, ...]:
    """Every type that a resource can be of."""
    types = {type_ for one in versions for type_ in one.vocabulary.types}
    return tuple(sorted({*types, TOOL_SERVER, ANYTHING} - _PRINCIPALS))


def spoken(version: Published, side: PolicySide, action: str) -> list[Spoken]:
    """The enforced policies that can speak about an action."""
    facts = version.actions.get(action)
    if facts is None:
        return []
    policies = version.agents if side is PolicySide.AGENT else version.users
    found = [(scope, one) for scope, one in policies.about(facts) if one.mode is PolicyMode.ENFORCE]
    return sorted(found, key=lambda pair: pair[1].statement.id)


def said(pair: Spoken) -> tuple[object, ...]:
    """What a policy says, whatever it is called."""
    _, policy = pair
    template = policy.statement.template
    return (
        policy.permits if policy.statement.permits else None,
        template.effect,
        template.principal,
        template.action,
        template.resource,
        template.clauses,
    )


def holdings(version: Published, side: PolicySide, action: str, holder: Holder | None) -> tuple[Holding, ...]:
    """What a holder has been granted of an action, by itself or by what it is in."""
    if holder is None:
        return ()
    of = version.facts.grants if side is PolicySide.AGENT else version.facts.permissions
    known = version.facts.known.get(holder.ref)
    return of.found(holder.ref, known.ancestors if known is not None else frozenset(), action)


def nodes_of(said: Iterable[Spoken], bounds: Bounds) -> list[pst.Expr]:
    """Every expression of some policies. Raises `NotModelled` where there are too many."""
    found = [part for _, one in said for part in walk(condition_of(one.statement.template))]
    if len(found) > bounds.nodes:
        raise NotModelled("too much to look at")
    return found


def letters_of(
    expressions: Iterable[pst.Expr],
    holdings: Iterable[Holding],
    known: Iterable[Lookup],
    parties: Iterable[EntityRef] = (),
) -> str:
    """Every letter that policies and grants write, and that is known of the parties and of whomever policies name."""
    found: set[str] = set()
    named = set(parties)
    for one in expressions:
        match one:
            case pst.StringLit(text):
                found |= set(text)
            case pst.Like(_, pattern):
                found |= set("".join(parts_of(pattern)))
            case pst.EntityLit(uid):
                found |= set(uid.id)
                named.add(ref_of(uid))
            case _:
                pass
    for holding in holdings:
        found |= set(holding.rule.resource)
        found |= {letter for _, constraint in holding.rule.constraints for letter in str(constraint)}
    for lookup in known:
        found |= {letter for ref in named for letter in _letters_known(lookup.get(ref))}
    return "".join(sorted(found))


def _letters_known(known: Known | None) -> set[str]:
    return {letter for value in known.attributes.values() for letter in str(value)} if known is not None else set()
