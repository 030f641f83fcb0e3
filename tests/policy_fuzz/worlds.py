"""Random registries, logins and policies of both sides: what a whole decision says, against Cedar on all of it.

Who is in what, and who has which relation, is worked out here a second time, by going round until nothing is new; and
written down for Cedar by hand. Groups of logins, relations to things, and relations of agents to people all come up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from types import SimpleNamespace
from typing import Any

from tests.policy_fuzz.reference import Side, Told, Tuple_, entities

from leasehold.decisions.questions import groups_of_login
from leasehold.model.access import Reach
from leasehold.model.access_requests import AccessRequest
from leasehold.model.directory import Relation, User
from leasehold.model.entities import Entity, EntityRef
from leasehold.model.people import Agent, Owner
from leasehold.model.policies import PolicySide
from leasehold.model.tools import Action
from leasehold.policy.holdings import HeldReach
from leasehold.policy.material import CallableTool, PolicyText, facts_of
from leasehold.policy.publishing import publish

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
TOOL = CallableTool(server="desk", name="act", action=Action.WRITE)
OWNERS = {
    team: Owner(display_name=team, email=f"{team}@example.com", team=team) for team in ("red", "blue")
}  # fmt: skip
AGENTS = {"ada": "red", "bot": "blue"}
USERS = {"ana": ("okta/1", "ana@example.com"), "bob": ("okta/2", "ldap/7"), "cy": ("ldap/9",)}
QUESTIONS = 15
LOGINS = (("okta/1", ("eng", "ops")), ("okta/2", ("eng",)), ("ldap/7", ("eng", "g1")), ("ldap/9", ("ops",)))
GATHERINGS = ("group:g1", "group:g2", "role:r1")
LOGIN_GROUPS = ("group:okta/eng", "group:okta/ops", "group:ldap/eng", "group:ldap/g1")
THINGS = ("document:d1", "ticket:t1")  # of the second, nobody is or has anything
PEOPLE = ("user:ana", "user:okta/2", "user:ldap/9")
_IN_AGENT = (
    'principal in team::"{team}"',
    "principal in {gathering}",
    "context has on_behalf_of && context.on_behalf_of in {group}",
    "context has on_behalf_of && principal in context.on_behalf_of.acts_on_behalf_of",
    "context has on_behalf_of && principal in context.on_behalf_of.banned",
    "context has on_behalf_of && context.on_behalf_of in resource.{relation}",
    "context has on_behalf_of",
    "principal in resource.{relation}",
)
_IN_USER = (
    "principal in {group}",
    "principal in {gathering}",
    "context has via_agent && context.via_agent in principal.acts_on_behalf_of",
    "context has via_agent && context.via_agent in principal.banned",
    'context has via_agent && context.via_agent in team::"{team}"',
    "context has via_agent",
    "principal in resource.{relation}",
)
_SCOPES = {
    PolicySide.AGENT: ("principal", "principal", 'principal == agent::"ada"', 'principal in team::"{team}"',
                       "principal in {gathering}", "principal is agent"),
    PolicySide.USER: ("principal", "principal", 'principal == user::"ana"', "principal in {group}",
                      "principal in {gathering}", "principal is user in {group}"),
}  # fmt: skip
_WORDS = {
    "team": ("red", "blue"),
    "gathering": ('group::"g1"', 'group::"g2"', 'role::"r1"'),
    "group": tuple(f'group::"{one.partition(":")[2]}"' for one in (*LOGIN_GROUPS, "group:g1")),
    "relation": ("owner", "viewer"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of a world, and what each side must say."""

    request: AccessRequest
    expected: tuple[Told, ...]
    story: str


@dataclass(frozen=True, slots=True)
class World:
    """Relations of a registry, and the policies of both sides."""

    relations: tuple[Relation, ...]
    policies: dict[PolicySide, tuple[str, ...]]
    questions: tuple[Asked, ...]


@dataclass(slots=True)
class Score:
    """What became of the questions. `grouped` came with groups of a login."""

    cases: int = 0
    allowed: int = 0
    grouped: int = 0
    tied: int = 0
    differences: int = 0
    first: str = ""


def worlds(seed: int, wanted: int) -> Iterator[World]:
    """Worlds from this seed, always the same, until so many questions were asked."""
    chance, made = Random(seed), 0  # noqa: S311  repeatable on purpose
    while made < wanted:
        relations = tuple({one.id: one for one in _relations(chance)}.values())
        policies = {side: tuple(_policy(chance, side, at) for at in range(chance.randint(1, 4))) for side in PolicySide}
        asking = chance.sample(_ASKING, QUESTIONS)
        tuples = [(_named(one.subject), one.relation, _named(one.object), one.through) for one in relations]
        questions = tuple(_asked(*one, tuples, policies) for one in asking)
        made += len(questions)
        yield World(relations, policies, questions)


def decided(wanted: Iterable[World], ours: SimpleNamespace, engine: str = "compiled", *, stop: bool = False) -> Score:
    """Ask all questions, or up to the first difference. `ours`: the modules, real or a mutant's."""
    score = Score()
    for world in wanted:
        version = _published(world, ours, engine)
        for one in world.questions:
            said = _told(ours.deciding.decision_on(one.request, version))
            score.cases += 1
            score.allowed += all(side.reason in _ALLOWING for side in one.expected)
            score.grouped += one.request.user is not None and bool(one.request.user.parents)
            score.tied += any("acts_on_behalf_of" in text for texts in world.policies.values() for text in texts)
            if said != one.expected:
                score.differences += 1
                policies = "\n".join(text for texts in world.policies.values() for text in texts)
                tuples = [relation.id for relation in world.relations]
                score.first = score.first or f"{policies}\n{tuples}\n{one.story}\n{one.expected}\n{said}"
        if stop and score.differences:
            break
    return score


_ALLOWING = frozenset({"granted", "permitted"})


def _told(decision: Any) -> tuple[Told, ...]:
    return tuple(
        Told(
            side.side.value,
            "granted" if side.reason.allows else side.reason.value,
            frozenset(one for one in side.determining if not one.startswith("grant:")),
            frozenset(side.failed),
        )
        for side in decision.sides
    )


def _published(world: World, ours: SimpleNamespace, engine: str) -> Any:
    users = {name: User(ids=frozenset(ids)) for name, ids in USERS.items()}
    agents = {name: Agent(owner=team, review_by=AT.date()) for name, team in AGENTS.items()}
    directory = ours.directory.directory_of(users)
    facts = facts_of(
        entities=ours.directory.entities_of(agents, OWNERS, users, (), world.relations),
        tools=[TOOL],
        grants=[
            HeldReach(holder=EntityRef("agent", name), reach=Reach("desk", "act", pattern), name=name)
            for name in AGENTS
            for pattern in ("document:*", "ticket:*")
        ],
        relations=ours.relating.StoredRelations(ours.directory.relationships_of(directory, world.relations)),
    )
    texts = [PolicyText(name=side.value, document="\n".join(world.policies[side]), side=side) for side in PolicySide]
    return publish(texts, facts, ours.engines.engine_named(engine))


def _relations(chance: Random) -> Iterator[Relation]:
    for _ in range(chance.randint(2, 7)):
        member = chance.choice((*PEOPLE, *LOGIN_GROUPS, "group:g1", "group:g2", "agent:ada"))
        above = chance.choice(GATHERINGS)
        if member not in GATHERINGS or GATHERINGS.index(member) < GATHERINGS.index(above):  # Cedar knows no circles
            yield Relation(subject=member, relation="member", object=above)
    for _ in range(chance.randint(1, 6)):
        subject = chance.choice((*PEOPLE, *LOGIN_GROUPS, *("group:g1",) * 8, "folder:f", "agent:ada", "document:d1"))
        through = {"folder": "viewer", "document": "owner"}.get(subject.partition(":")[0])
        through = chance.choice((None, "member", "owner", "owner")) if subject == "group:g1" else through
        target = chance.choice((*("document:d1",) * 4, "document:d2", "folder:f", "group:g1"))
        if subject == target:
            continue
        relation = chance.choice(("owner", "viewer"))
        yield Relation(subject=subject, relation=relation, object=target, through=through)
    for _ in range(chance.randint(0, 4)):
        subject = chance.choice(("agent:ada", "agent:bot", "team:blue", "group:g2"))
        through = chance.choice((None, "member")) if subject == "group:g2" else None
        target = chance.choice((*PEOPLE, *LOGIN_GROUPS, "group:g1", "role:r1"))
        yield Relation(subject=subject, relation="acts_on_behalf_of", object=target, through=through)
    for _ in range(chance.randint(0, 3)):
        subject, target = chance.choice(("agent:ada", "agent:bot", "group:g2")), chance.choice((*PEOPLE, "group:g1"))
        yield Relation(subject=subject, relation="banned", object=target)
    yield Relation(subject="user:nobody", relation="owner", object="document:d3")
    yield Relation(subject="user:nobody", relation="viewer", object="document:d3")
    yield Relation(subject="user:nobody", relation="banned", object="user:nobody")


def _policy(chance: Random, side: PolicySide, number: int) -> str:
    effect = chance.choice(("permit", "permit", "forbid"))
    atoms = _IN_AGENT if side is PolicySide.AGENT else _IN_USER
    clauses = "".join(
        f" {chance.choice(('when', 'when', 'unless'))} {{ {_truth(chance, atoms)} }}"
        for _ in range(chance.randint(0, 2))
    )
    scope = _worded(chance, chance.choice(_SCOPES[side]))
    about = "resource is document" if "resource." in clauses or chance.random() < 0.3 else "resource"
    return f'@id("p{number}") {effect} ({scope}, action == Action::"desk/act", {about}){clauses};'


def _truth(chance: Random, atoms: tuple[str, ...]) -> str:
    found = [f"({_worded(chance, chance.choice(atoms))})" for _ in range(chance.randint(1, 2))]
    return chance.choice((" && ", " || ")).join(found)


def _worded(chance: Random, text: str) -> str:
    return text.format(**{name: chance.choice(of) for name, of in _WORDS.items()})


def _every_question() -> Iterator[tuple[str | None, str | None, tuple[str, ...], str]]:
    """Agent, the id that a person is called by, the groups of their login, and what it is about."""
    logins: list[tuple[str, tuple[str, ...]]] = [("ana@example.com", ()), ("cy", ())]
    for id_, groups in LOGINS:
        logins += [(id_, ()), (id_, groups[:1]), (id_, groups)]
    for thing in THINGS:
        for agent in AGENTS:
            yield agent, None, (), thing
            yield from ((agent, id_, groups, thing) for id_, groups in dict.fromkeys(logins))
        # Who calls by themselves has no token that could have brought any.
        yield from ((None, id_, groups, thing) for id_, groups in LOGINS)


_ASKING = tuple(_every_question())


def _asked(
    agent: str | None,
    id_: str | None,
    groups: tuple[str, ...],
    thing: str,
    tuples: list[Tuple_],
    policies: dict[PolicySide, tuple[str, ...]],
) -> Asked:
    user = _named(f"user:{id_}") if id_ is not None else None
    person = None
    if user is not None:
        parents = groups_of_login(id_, groups)
        person = Entity(ref=EntityRef("user", user.partition(":")[2]), parents=parents)
    subject = Entity(ref=EntityRef("agent", agent)) if agent is not None else person
    assert subject is not None
    request = AccessRequest(
        subject=subject,
        user=person if agent is not None else None,
        action="desk/act",
        resource=Entity(ref=EntityRef(*thing.split(":"))),
        at=AT,
    )
    issuer = (id_ or "").partition("/")[0]
    came = {user: [f"group:{issuer}/{one}" for one in groups]} if user is not None and agent is not None else {}
    found = entities(AGENTS, USERS, came, tuples)
    side = Side(found, thing, policies)
    expected = []
    if agent is not None:
        expected.append(side.told(PolicySide.AGENT, f"agent:{agent}", {"on_behalf_of": user} if user else {}))
    if user is not None:
        expected.append(side.told(PolicySide.USER, user, {"via_agent": f"agent:{agent}"} if agent else {}))
    return Asked(request, tuple(expected), f"{agent} for {id_} {groups} on {thing}")


def _named(entity: str) -> str:
    """A person by the name that they have here, whichever id is said."""
    kind, _, id_ = entity.partition(":")
    names = {one: name for name, ids in USERS.items() for one in ids}
    return f"user:{names.get(id_, id_)}" if kind == "user" else entity
