"""One case: policies, a world, a question. Cedar reads it all from JSON; we read it with our own eyes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random
from types import SimpleNamespace
from typing import Any

import cedarpy
from tests.policy_fuzz.grammar import Grammar, World

from leasehold.model.entities import Entity, EntityRef

QUESTIONS = 3


@dataclass(frozen=True, slots=True)
class Expected:
    """What Cedar says of the whole set."""

    allowed: bool
    reasons: frozenset[str]
    failed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Case:
    """Policies and a question of them, with Cedar's answer."""

    text: str
    world: World
    expected: Expected


@dataclass(slots=True)
class Tally:
    """What became of the cases."""

    cases: int = 0
    allowed: int = 0
    failing: int = 0
    differences: int = 0
    first: str = ""

    def count(self, case: Case, said: Expected | str) -> None:
        """One case more, and what was said of it."""
        self.cases += 1
        self.allowed += case.expected.allowed
        self.failing += bool(case.expected.failed)
        if said != case.expected:
            self.differences += 1
            self.first = self.first or f"{case.text}\n{json.dumps(case.world.request)}\n{case.expected}\n{said}"


def cases(seed: int, wanted: int) -> Iterator[Case]:
    """Cases from this seed, always the same. What Cedar itself refuses is no case."""
    chance = Random(seed)  # noqa: S311  repeatable on purpose
    grammar, made = Grammar(chance), 0
    while made < wanted:
        text = grammar.policies()
        try:
            parsed = cedarpy.PolicySet.from_str(text)
        except ValueError:
            continue
        for _ in range(QUESTIONS):
            world = grammar.world()
            expected = asked(parsed, world)
            if expected is not None:
                made += 1
                yield Case(text, world, expected)


class Asked:
    """A set of modules (the real ones, or a mutant's) that is asked case by case, through its index."""

    def __init__(self, ours: SimpleNamespace, engine: str = "compiled") -> None:
        self._ours, self._engine = ours, ours.engines.engine_named(engine)
        self._text, self._index, self._prepared = "", None, {}

    def answer(self, case: Case) -> Expected | str:
        """What the engine says on the slice that the index picks."""
        try:
            return self._verdict(case)
        except Exception as error:  # noqa: BLE001  a mutant may break in any way: that is a difference
            return repr(error)

    def run(self, wanted: Iterable[Case], *, stop: bool = False) -> Tally:
        """Ask all of them, or up to the first difference, and count."""
        tally = Tally()
        for case in wanted:
            said = self.answer(case)
            tally.count(case, said)
            if stop and tally.differences:
                break
        return tally

    def _verdict(self, case: Case) -> Expected:
        index, ours = self._indexed(case.text), self._ours
        known = known_of(ours, case.world)
        query = query_of(ours, case.world, known)
        nobody = ours.known.Known({}, frozenset())
        keys = index.keys_of(query.principal, known.get(query.principal, nobody).ancestors)
        found = sorted(index.slice_of(keys, query.action, known[query.action].ancestors), key=lambda one: one.id)
        ids = tuple(one.id for one in found)
        if ids not in self._prepared:
            self._prepared[ids] = self._engine.prepare(found)
        verdict = self._prepared[ids](query)
        allowed = bool(verdict.permitted) and not verdict.forbidden
        return Expected(allowed, short(verdict.forbidden or verdict.permitted), short(verdict.failed))

    def _indexed(self, text: str) -> Any:
        if text != self._text:
            statements = self._ours.statements.statements_of("fuzz", text)
            self._index = self._ours.index.Index(self._ours.index.scoped(one, one.template) for one in statements)
            self._text, self._prepared = text, {}
        return self._index


def known_of(ours: SimpleNamespace, world: World) -> dict[EntityRef, Any]:
    """The world's entities, typed."""
    return dict(
        ours.known.known_entities(
            Entity(
                ref=_ref(one["uid"]),
                attributes={name: value_of(ours, value) for name, value in one["attrs"].items()},
                parents=frozenset(_ref(parent) for parent in one["parents"]),
            )
            for one in world.entities
        )
    )


def query_of(ours: SimpleNamespace, world: World, known: dict[EntityRef, Any]) -> Any:
    """The world's question, typed."""
    request = world.request
    context = {name: ours.mapping.native(value_of(ours, value)) for name, value in request["context"].items()}
    refs = (_ref(request[part]) for part in ("principal", "action", "resource"))
    return ours.evaluation.Query(*refs, context, known)


def value_of(ours: SimpleNamespace, plain: Any) -> Any:
    """A value in Cedar's JSON, as the type that we have for it."""
    if isinstance(plain, dict) and "__entity" in plain:
        return _ref(plain["__entity"])
    if isinstance(plain, dict) and "__extn" in plain:
        made = {"ip": ours.values.network, "decimal": ours.values.fraction, "datetime": ours.values.moment}
        return made[plain["__extn"]["fn"]](plain["__extn"]["arg"])
    if isinstance(plain, dict):
        return {name: value_of(ours, value) for name, value in plain.items()}
    return [value_of(ours, one) for one in plain] if isinstance(plain, list) else plain


def asked(parsed: cedarpy.PolicySet, world: World) -> Expected | None:
    """What Cedar says of the whole set; None of what it refuses to read."""
    said = cedarpy.is_authorized(world.request, parsed, json.dumps(world.entities))
    if said.decision is cedarpy.Decision.NoDecision:
        return None
    ids = said.diagnostics.id_annotations_by_reason
    failed = frozenset(f"p{error.split('`')[1].removeprefix('policy')}" for error in said.diagnostics.errors)
    return Expected(said.allowed, frozenset(ids[one] for one in said.diagnostics.reasons), failed)


def short(ids: tuple[str, ...]) -> frozenset[str]:
    """Ids as the text has them."""
    return frozenset(one.rpartition("/")[2] for one in ids)


def _ref(uid: dict[str, str]) -> EntityRef:
    return EntityRef(uid["type"], uid["id"])
