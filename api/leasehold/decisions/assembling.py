"""From what was read to what decisions are made on. What cannot be published never replaces what could."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from leasehold.decisions.reading import Seen, directory_objects, policy_texts
from leasehold.model.entities import EntityRef
from leasehold.model.kinds import Kind
from leasehold.model.people import Agent, Owner
from leasehold.model.tools import ToolServer
from leasehold.policy.blocking import everything_denied
from leasehold.policy.cedar.evaluation import Engine
from leasehold.policy.cedar.shapes import EMPTY
from leasehold.policy.cedar.statements import DocumentRefused, Problem
from leasehold.policy.directory import Directory, directory_of, entities_of, relationships_of
from leasehold.policy.holdings import HeldReach
from leasehold.policy.material import Facts, PolicyText, facts_of, tools_of
from leasehold.policy.published import Published
from leasehold.policy.publishing import publish
from leasehold.policy.relating import StoredRelations


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One version of everything, as of one change of the registry. `problems`: policies that do not fit it."""

    published: Published
    seen: Seen
    directory: Directory
    servers: Mapping[str, str]
    problems: tuple[Problem, ...] = ()

    @property
    def sequence(self) -> int:
        """The last change of the registry that is in it."""
        return self.seen.sequence


def assemble(seen: Seen, held: Iterable[HeldReach], engine: Engine, before: State | None = None) -> State:
    """Everything anew. Raises what `facts_of` does."""
    return _published(seen, facts_in(seen, held), engine, before)


def reassemble(state: State, seen: Seen, *, directory: bool) -> State:
    """The same grants under other policies and, if `directory`, other people, things and tools."""
    facts = state.published.facts
    if directory:
        fresh = facts_in(seen, ())
        types = {**dict.fromkeys(facts.types, EMPTY), **fresh.types}
        facts = replace(fresh, grants=facts.grants, types=types)
    return _published(seen, facts, state.published.engine, state)


def regrant(state: State, seen: Seen, held: Mapping[EntityRef, list[HeldReach]]) -> State:
    """Other grants of some agents under the same policies."""
    every = [one for reaches in held.values() for one in reaches]
    facts = state.published.facts.regranted_all(held, every)
    new = {one.reach.resource.partition(":")[0] for one in every} - facts.types.keys()
    if new:  # policies may speak of these types from now on
        facts = replace(facts, types={**dict.fromkeys(sorted(new), EMPTY), **facts.types})
        return _published(seen, facts, state.published.engine, state)
    published = replace(state.published, facts=facts, version=versioned(state.published.version, seen.sequence))
    return replace(state, published=published, seen=seen)


def untouched(state: State, seen: Seen) -> State:
    """The registry has changed, and nothing that decisions depend on."""
    version = versioned(state.published.version, seen.sequence)
    return replace(state, published=replace(state.published, version=version), seen=seen)


def versioned(version: str, sequence: int) -> str:
    """The version of the same policies as of another change."""
    return f"{version.partition('@')[0]}@{sequence}"


def facts_in(seen: Seen, held: Iterable[HeldReach]) -> Facts:
    """What decisions look up, of what was read. Raises what `facts_of` does."""
    users, resources, relations = directory_objects(seen)
    agents, owners = seen.of(Kind.AGENTS, Agent), seen.of(Kind.OWNERS, Owner)
    directory = directory_of(users)
    return facts_of(
        entities=entities_of(agents, owners, users, resources, relations),
        tools=tools_of(seen.of(Kind.TOOL_SERVERS, ToolServer)),
        grants=held,
        relations=StoredRelations(relationships_of(directory, relations)),
        ids=directory.ids,
    )


def _published(seen: Seen, facts: Facts, engine: Engine, before: State | None) -> State:
    users, _, _ = directory_objects(seen)
    problems: tuple[Problem, ...] = ()
    texts = policy_texts(seen)
    try:
        published = publish(texts, facts, engine, as_of=str(seen.sequence))
    except DocumentRefused as refused:
        problems = refused.problems
        bad = frozenset(problem.document for problem in problems)
        kept = _kept(texts, bad, before)
        published = _published_as_they_are(kept, facts, engine, bad, str(seen.sequence))
    return State(
        published=published,
        seen=seen,
        directory=directory_of(users),
        servers={server.url: name for name, server in seen.of(Kind.TOOL_SERVERS, ToolServer).items()},
        problems=problems,
    )


def _kept(texts: Iterable[PolicyText], bad: frozenset[str], before: State | None) -> list[PolicyText]:
    """The texts, with what a bad one replaced in its place, if that is known. The door lets no bad one in."""
    known = {text.name: text for text in before.published.texts} if before is not None else {}
    return [known.get(text.name, text) if text.name in bad else text for text in texts]


def _published_as_they_are(
    texts: Iterable[PolicyText], facts: Facts, engine: Engine, living: frozenset[str], as_of: str
) -> Published:
    """Policies that do not fit what the registry holds now fail where that shows, and a failure denies.

    INVARIANT: none is left out. A forbid that is gone opens what it closed, and so may a permit that bounds grants.
    """
    try:
        return publish(texts, facts, engine, as_of=as_of, living=living)
    except DocumentRefused:  # there is one that nobody can read: what it closes is unknown
        return publish(everything_denied(), facts, engine, as_of=as_of)
