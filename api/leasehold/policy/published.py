"""What decisions are made on: one version of everything, checked whole and never changed afterwards.

Whoever serves decisions swaps the published object for the next in one assignment: a decision sees one version from its
beginning to its end. What is prepared on the way is remembered in it, and goes with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from leasehold.model.decisions import SideOutcome
from leasehold.model.entities import EntityRef
from leasehold.model.policies import PolicyMode, PolicyPermits
from leasehold.policy.cedar.applications import Application
from leasehold.policy.cedar.evaluation import Engine, Evaluate, Query, Verdict
from leasehold.policy.cedar.index import Index, Scope, scoped
from leasehold.policy.cedar.known import Known
from leasehold.policy.cedar.mapping import Mapper
from leasehold.policy.cedar.reading import asks_nothing, context_names
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
    themselves. `names` of the context are all that its policies look at. `always` is the verdict if none of them looks
    at the question: it needs not be asked again. `trial` is the same as if log-only policies counted.
    """

    policies: tuple[Policy, ...]
    conditions: frozenset[str]
    beyond: frozenset[str]
    ids: tuple[str, ...]
    evaluate: Evaluate
    names: frozenset[str] | None
    always: Verdict | None = None
    trial: Slice | None = None


class ActionFacts(NamedTuple):
    """An action that can be asked about: of a tool, or of another application (`tool` None)."""

    ref: EntityRef
    groups: frozenset[EntityRef]
    tool: ToolShape | None = None
    arguments: Mapper | None = None
    facts: Mapping[str, Value] | None = None


class SidePolicies:
    """The policies of one side, and what was prepared of them so far. On the side with `grants` they are bounds."""

    def __init__(self, policies: Iterable[Policy], engine: Engine, *, grants: bool) -> None:
        self._index = Index(scoped(one, one.statement.template) for one in policies)
        self._engine, self._grants = engine, grants
        self._slices: dict[object, Slice] = {}
        self._made: dict[tuple[str, ...], Slice] = {}

    def slice_of(self, principal: EntityRef, above: frozenset[EntityRef], action: ActionFacts) -> Slice:
        """The slice for this question. `above` is what the registry says the principal is in, and nothing else."""
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
        if len(every) == len(enforced):
            return piece
        whole = self._slice(every)
        names = piece.names | whole.names if piece.names is not None and whole.names is not None else None
        return piece._replace(trial=whole, names=names)

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
        evaluate = self._engine.prepare([one.statement for one in policies])
        names = context_names(one.statement.template for one in policies)
        constant = all(asks_nothing(one.statement.template) for one in policies)
        always = evaluate(_NO_QUESTION) if constant else None
        return Slice(policies, frozenset(conditions), frozenset(beyond), ids, evaluate, names, always)


@dataclass(slots=True)
class Standing:
    """Where somebody stands on an action before anything is asked: known, granted, and under these policies.

    `settled` is the outcome, once there was one that no question can change.
    """

    known: Known
    held: tuple[Holding, ...]
    piece: Slice
    settled: SideOutcome | None = None


class Standings:
    """Everybody's standing on one side, looked up once and remembered: nothing of it can change."""

    def __init__(
        self, policies: SidePolicies, held: Holdings, known: Mapping[EntityRef, Known], limit: int = _REMEMBERED
    ) -> None:
        self._policies, self._held, self._known, self._limit = policies, held, known, limit
        self._found: dict[tuple[EntityRef, str], Standing] = {}

    def find(self, ref: EntityRef, action: ActionFacts) -> Standing | None:
        """The standing; None of somebody whom nobody knows."""
        key = ref, action[0][1]
        found = self._found.get(key)
        return found if found is not None else self._looked_up(key, action)

    def _looked_up(self, key: tuple[EntityRef, str], action: ActionFacts) -> Standing | None:
        known = self._known.get(key[0])
        if known is None:
            return None
        if len(self._found) >= self._limit:
            self._found.clear()
        found = self._found[key] = self.standing(key[0], known, action)
        return found

    def standing(self, ref: EntityRef, known: Known, action: ActionFacts) -> Standing:
        """The standing of somebody of whom this is known, or said. It is not remembered."""
        held = self._held.found(ref, known.ancestors, action.ref.id)
        return Standing(known, held, self._policies.slice_of(ref, known.ancestors, action))


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One version of everything. Decisions read it, nobody writes it. `publishing.publish` makes it.

    `entities` are all that engines look up: those of the facts, and the actions.
    `caller` and `properties` map what a caller says of itself, and of entities of each type.
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
    agent_standings: Standings = field(init=False, repr=False, compare=False)
    user_standings: Standings = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Remember nothing of another version."""
        facts = self.facts
        object.__setattr__(self, "agent_standings", Standings(self.agents, facts.grants, facts.known))
        object.__setattr__(self, "user_standings", Standings(self.users, facts.permissions, facts.known))
