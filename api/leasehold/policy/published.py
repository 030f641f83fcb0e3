"""What decisions are made on: one version of everything, checked whole and never changed afterwards.

Whoever serves decisions swaps the published object for the next in one assignment: a decision sees one version from its
beginning to its end. What is prepared on the way is remembered in it, and goes with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from leasehold.model.decisions import SideOutcome
from leasehold.model.entities import AGENT, USER, EntityRef
from leasehold.model.policies import PolicyMode, PolicyPermits
from leasehold.policy.cedar.applications import Application
from leasehold.policy.cedar.evaluation import Engine, Evaluate, Judge, Query, Verdict
from leasehold.policy.cedar.index import Index, Scope, scoped
from leasehold.policy.cedar.known import Known
from leasehold.policy.cedar.mapping import Mapper
from leasehold.policy.cedar.reading import asks_nothing, attributes_named
from leasehold.policy.cedar.statements import Statement
from leasehold.policy.cedar.values import Value
from leasehold.policy.cedar.vocabulary import ToolShape, Vocabulary
from leasehold.policy.holdings import Holding, Holdings
from leasehold.policy.material import Facts, PolicyText

_REMEMBERED = 65_536
_NOBODY = EntityRef("agent", "nobody")
_NO_QUESTION = Query(_NOBODY, _NOBODY, _NOBODY, {}, {})


class Policy(NamedTuple):
    """One policy as published."""

    statement: Statement
    mode: PolicyMode
    permits: PolicyPermits


class Slice(NamedTuple):
    """All policies of a side that can have a say for one kind of principal and one action.

    `conditions` are permits that say when a grant holds: where there are some, one must hold. `beyond` grant by
    themselves. `judge` evaluates tool calls, `evaluate` questions of other applications. `always` is the verdict if no
    policy looks at the question: it needs not be asked again. `trial` is the same as if log-only policies counted.
    `to_people`: a policy asks for relations to the person of the question.
    """

    policies: tuple[Policy, ...]
    conditions: frozenset[str]
    beyond: frozenset[str]
    ids: tuple[str, ...]
    evaluate: Evaluate
    judge: Judge
    always: Verdict | None = None
    trial: Slice | None = None
    to_people: bool = False


class ActionFacts(NamedTuple):
    """An action that can be asked about: of a tool, or of another application (`tool` None)."""

    ref: EntityRef
    groups: frozenset[EntityRef]
    tool: ToolShape | None = None
    arguments: Mapper | None = None
    facts: Mapping[str, Value] | None = None


class SidePolicies:
    """The policies of one side, and what was prepared of them so far. On the side with `grants` they are bounds.

    `to_people`: the names of relations to people.
    """

    def __init__(
        self, policies: Iterable[Policy], engine: Engine, *, grants: bool, to_people: frozenset[str] = frozenset()
    ) -> None:
        self._index = Index(scoped(one, one.statement.template) for one in policies)
        self._engine, self._grants, self._to_people = engine, grants, to_people
        self._slices: dict[object, Slice] = {}
        self._made: dict[tuple[str, ...], Slice] = {}

    def slice_of(self, principal: EntityRef, above: frozenset[EntityRef], action: ActionFacts) -> Slice:
        """The slice for this question. `above` is what registry and login say the principal is in, and nothing else."""
        # Of principals that no policy names, those in the same groups have the same slices.
        named = principal if principal in self._index.named else principal.type
        key = named, above, action.ref
        found = self._slices.get(key)
        if found is None:
            if len(self._slices) >= _REMEMBERED:
                self._slices.clear()  # strangers cannot fill the memory
            found = self._slices[key] = self._slice_for(self._index.keys_of(principal, above), action)
        return found

    @property
    def named(self) -> frozenset[EntityRef]:
        """The principals, and groups of them, that policies name in their scopes."""
        return self._index.named

    def about(self, action: ActionFacts) -> Iterator[tuple[Scope, Policy]]:
        """Every policy that could speak about the action, under what it asks of the principal."""
        return ((one.principal, one.policy) for one in self._index.about(action.ref, action.groups))

    def _slice_for(self, keys: tuple[Scope, ...], action: ActionFacts) -> Slice:
        every = self._index.slice_of(keys, action.ref, action.groups)
        enforced = tuple(one for one in every if one.mode is PolicyMode.ENFORCE)
        piece = self._slice(enforced)
        return piece if len(every) == len(enforced) else piece._replace(trial=self._slice(every))

    def _slice(self, policies: tuple[Policy, ...]) -> Slice:
        ordered = tuple(sorted(policies, key=lambda one: one.statement.id))
        ids = tuple(one.statement.id for one in ordered)
        if ids not in self._made:
            self._made[ids] = self._prepared(ordered, ids)
        return self._made[ids]

    def _prepared(self, policies: tuple[Policy, ...], ids: tuple[str, ...]) -> Slice:
        permits = [one for one in policies if one.statement.permits]
        beyond = {one.statement.id for one in permits if not self._grants or one.permits is PolicyPermits.BEYOND_GRANTS}
        conditions = {one.statement.id for one in permits} - beyond
        statements = [one.statement for one in policies]
        evaluate = self._engine.prepare(statements)
        judge = self._engine.fuse(statements, evaluate)
        constant = all(asks_nothing(one.statement.template) for one in policies)
        always = evaluate(_NO_QUESTION) if constant else None
        asked = frozenset[str]().union(*(attributes_named(one.statement.template) for one in policies))
        return Slice(
            policies,
            frozenset(conditions),
            frozenset(beyond),
            ids,
            evaluate,
            judge,
            always,
            to_people=not asked.isdisjoint(self._to_people),
        )


@dataclass(slots=True)
class Standing:
    """Where somebody stands on an action before anything is asked: known, granted, and under these policies.

    `settled` is the outcome, once there was one that no question can change. `granted` is what the first grant comes to
    where no policy says a word.
    """

    known: Known
    held: tuple[Holding, ...]
    piece: Slice
    settled: SideOutcome | None = None
    granted: SideOutcome | None = None


class Standings:
    """The standing of every principal of one type, looked up once and remembered: nothing of it can change."""

    def __init__(self, type_: str, policies: SidePolicies, held: Holdings, known: Mapping[EntityRef, Known]) -> None:
        self._type, self._policies, self._held, self._known = type_, policies, held, known
        self._remembered = 0
        self._on: list[Holders] = []
        self.limit = _REMEMBERED

    def on(self, action: ActionFacts) -> Holders:
        """Who stands how on one action. To be asked for once per action."""
        holders = Holders(self, action)
        self._on.append(holders)
        return holders

    def standing(self, ref: EntityRef, known: Known, action: ActionFacts) -> Standing:
        """The standing of somebody of whom this is known, or said. It is not remembered."""
        held = self._held.found(ref, known.ancestors, action.ref.id)
        return Standing(known, held, self._policies.slice_of(ref, known.ancestors, action))

    def looked_up(self, name: str, action: ActionFacts) -> Standing | None:
        """The standing of somebody registered. Whoever asks remembers it, until there are too many to remember."""
        ref = EntityRef(self._type, name)
        known = self._known.get(ref)
        if known is None:
            return None
        self._remembered += 1
        if self._remembered > self.limit:
            self._remembered = 1
            for holders in self._on:
                holders.clear()
        return self.standing(ref, known, action)


class Holders(dict[str, Standing | None]):
    """Standings on one action, by id; None of somebody whom nobody knows. One that was found costs one look."""

    __slots__ = ("_action", "_standings")

    def __init__(self, standings: Standings, action: ActionFacts) -> None:
        super().__init__()
        self._standings, self._action = standings, action

    def __missing__(self, name: str) -> Standing | None:
        found = self._standings.looked_up(name, self._action)
        if found is not None:
            self[name] = found
        return found


class Desk(NamedTuple):
    """Where questions about one action are answered: what it is, and who stands how on it, on either side."""

    action: ActionFacts
    agents: Holders
    users: Holders


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One version of everything. Decisions read it, nobody writes it. `publishing.publish` makes it.

    `entities` are all that engines look up: those of the facts, and the actions.
    `caller` and `properties` map what a caller says of itself, and of entities of each type. `to_people`: the relations
    to people that some policy asks for.
    """

    version: str
    texts: tuple[PolicyText, ...]
    policies: Mapping[str, Policy]
    actions: Mapping[str, ActionFacts]
    agents: SidePolicies
    users: SidePolicies
    facts: Facts
    entities: Mapping[EntityRef, Known]
    vocabulary: Vocabulary
    caller: Mapper
    properties: Mapping[str, Mapper]
    application: Application | None
    engine: Engine
    to_people: frozenset[str] = frozenset()
    agent_standings: Standings = field(init=False, repr=False, compare=False)
    user_standings: Standings = field(init=False, repr=False, compare=False)
    desks: Mapping[str, Desk] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Remember nothing of another version."""
        facts = self.facts
        agents = Standings(AGENT, self.agents, facts.grants, facts.known)
        users = Standings(USER, self.users, facts.permissions, facts.known)
        desks = {name: Desk(action, agents.on(action), users.on(action)) for name, action in self.actions.items()}
        object.__setattr__(self, "agent_standings", agents)
        object.__setattr__(self, "user_standings", users)
        object.__setattr__(self, "desks", desks)
