"""Pairs of worlds that differ in facts alone, or in facts and grants: people, things, groups, relations and agents."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import chain, combinations, product

from leasehold.model.access_requests import AccessRequest
from leasehold.model.directory import Attributes, Decimal, Relation, Resource, User
from leasehold.model.entities import Entity, EntityRef
from leasehold.model.grants import Grant
from leasehold.model.people import Agent, Owner
from leasehold.model.policies import Policy, PolicyPermits, PolicySide
from leasehold.model.tools import Action, Tool, ToolServer
from leasehold.policy.registered import Registered

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
TOOL = "files/read"
AGENTS, PEOPLE, THINGS, GROUPS = ("bot", "aide"), ("ana", "bob"), ("a", "b", "öl"), ("eng", "ops")
_ON = f'action == Action::"{TOOL}"'
_WHEN = {
    PolicySide.AGENT: (
        "resource has public && resource.public",
        "resource has level && resource.level > 1",
        'resource in folder::"top"',
        "resource is doc && principal in resource.reader",
        'principal in group::"eng"',
        'context has on_behalf_of && context.on_behalf_of in group::"ops"',
        "context has on_behalf_of && context.on_behalf_of has dept && context.on_behalf_of.dept == context.input.dept",
        "context has on_behalf_of && principal in context.on_behalf_of.acts_on_behalf_of",
        'resource has tags && resource.tags.contains("öl")',
        "!(context has on_behalf_of)",
    ),
    PolicySide.USER: (
        'principal in role::"boss"',
        'principal in group::"eng"',
        'principal has dept && principal.dept like "s*"',
        "principal has dept && principal.dept == context.input.dept",
        "resource is doc && principal in resource.reader",
        "resource has public && resource.public",
        'context has via_agent && context.via_agent in group::"ops"',
        "context has via_agent && context.via_agent in principal.acts_on_behalf_of",
        'resource has cost && resource.cost.lessThan(decimal("2.5"))',
        "true",
    ),
}
_SCHEMA = '{"type": "object", "properties": {"dept": {"type": "string"}}, "required": ["dept"]}'


@dataclass(frozen=True)
class Pair:
    """Two worlds."""

    old: Registered
    new: Registered


def pairs(seed: int) -> Iterator[Pair]:
    """As many as are asked for."""
    draw = random.Random(seed)  # noqa: S311  not a secret
    while True:
        policies = dict(_policies(draw))
        old = _world(draw, policies)
        yield Pair(old, _moved(old, draw))


def calls() -> Iterator[AccessRequest]:
    """Every call that somebody could make in them."""
    logins = list(chain.from_iterable(combinations(GROUPS, many) for many in range(3)))
    people = [
        None,
        *(Entity(ref=EntityRef("user", one), parents=_groups(login)) for one, login in product(PEOPLE, logins)),
    ]
    for agent, user, thing, dept in product(AGENTS, people, (*THINGS, "new"), ("sales", "ops", "öl")):
        yield AccessRequest(
            subject=Entity(ref=EntityRef("agent", agent)),
            action=TOOL,
            resource=Entity(ref=EntityRef("doc", thing)),
            at=AT,
            user=user,
            arguments={"dept": dept},
        )


def _groups(names: tuple[str, ...]) -> frozenset[EntityRef]:
    return frozenset(EntityRef("group", one) for one in names)


def _policies(draw: random.Random) -> Iterator[tuple[str, Policy]]:
    for side in PolicySide:
        for at in range(draw.randint(1 if side is PolicySide.USER else 0, 3)):
            effect = draw.choice(("permit", "permit", "forbid"))
            clause = draw.choice(("when", "when", "unless"))
            document = f"{effect}(principal, {_ON}, resource) {clause} {{ {draw.choice(_WHEN[side])} }};"
            permits = draw.choice(tuple(PolicyPermits)) if side is PolicySide.AGENT else PolicyPermits.WITHIN_GRANTS
            yield f"{side}{at}", Policy(document=document, side=side, permits=permits)


def _world(draw: random.Random, policies: dict[str, Policy]) -> Registered:
    grants = {name: _grant(name, draw) for name in AGENTS if draw.random() < 0.8}
    return Registered(
        owners={"alice": Owner(display_name="Alice", email="alice@example.com", team="web")},
        agents={name: Agent(owner="alice", review_by=date(2027, 1, 1)) for name in AGENTS},
        tool_servers={
            "files": ToolServer(
                url="https://files.example.com", tools={"read": Tool(action=Action.READ, input_schema=_SCHEMA)}
            )
        },
        grants={one.id: one for one in grants.values()},
        policies=policies,
        users={name: _user(name, draw) for name in PEOPLE},
        resources={
            **{name: _thing(name, draw) for name in THINGS},
            "top": Resource(type="folder", foreign_id="top"),
            **_ANCHORS,
        },
        relations={one.id: one for one in (*_relations(draw), _ANCHOR)},
    )


_ANCHOR = Relation(subject="user:nobody", relation="reader", object="doc:none")
_ANCHORS = {
    "top": Resource(type="folder", foreign_id="top"),
    "none": Resource(
        type="doc",
        foreign_id="none",
        attributes={"public": False, "level": 0, "tags": frozenset({"x"}), "cost": Decimal(decimal="9.0")},
    ),
}


def _grant(agent: str, draw: random.Random) -> Grant:
    resources = draw.choice((("doc:*",), ("doc:a",), ("doc:a", "doc:b"), ("doc:a*",)))
    wide = any("*" in one for one in resources)
    return Grant(
        agent=agent,
        tool_server="files",
        tools=frozenset({"read"}),
        resources=frozenset(resources),
        allow_wildcard=wide,
        justification="all",
    )


def _user(name: str, draw: random.Random) -> User:
    roles = frozenset({"boss"} if _by_chance(draw) else ())
    attributes = {"dept": draw.choice(("sales", "ops", "öl"))} if _by_chance(draw) else {}
    return User(ids=frozenset({f"{name}-idp"}), roles=roles, attributes={**attributes, "floor": 1})


def _thing(name: str, draw: random.Random) -> Resource:
    every: Attributes = {
        "public": _by_chance(draw),
        "level": draw.randint(0, 3),
        "tags": frozenset({draw.choice(("x", "öl"))}),
        "cost": Decimal(decimal=draw.choice(("1.0", "2.5", "9.0"))),
    }
    attributes = {key: one for key, one in every.items() if _by_chance(draw)}
    parents = frozenset({"folder:top"} if _by_chance(draw) else ())
    return Resource(type="doc", foreign_id=name, attributes=attributes, parents=parents)


def _by_chance(draw: random.Random) -> bool:
    return bool(draw.getrandbits(1))


def _relations(draw: random.Random) -> Iterator[Relation]:
    things, groups = [f"doc:{one}" for one in THINGS], [f"group:{one}" for one in GROUPS]
    agents, people = [f"agent:{one}" for one in AGENTS], [f"user:{one}" for one in PEOPLE]
    every = [
        *_tuples([*people, *agents, *groups], "reader", things),
        *_tuples([*people, *agents], "member", groups),
        *_tuples(agents, "acts_on_behalf_of", [*people, *groups]),
        Relation(subject="group:eng", relation="reader", object="doc:a", through="member"),
        Relation(subject="group:eng", relation="member", object="group:ops"),
    ]
    return iter(draw.sample(every, draw.randint(0, 7)))


def _tuples(subjects: list[str], relation: str, objects: list[str]) -> Iterator[Relation]:
    return (Relation(subject=one, relation=relation, object=target) for one in subjects for target in objects)


def _moved(old: Registered, draw: random.Random) -> Registered:
    """One to three facts other, sometimes a grant too."""
    new = old
    for _ in range(draw.randint(1, 3)):
        other = _world(draw, dict(old.policies))
        match draw.choice(("users", "resources", "relations", "relations", "grants")):
            case "users":
                name = draw.choice(PEOPLE)
                new = replace(new, users={**new.users, name: other.users[name]})
            case "resources":
                name = draw.choice(THINGS)
                new = replace(new, resources={**new.resources, name: other.resources[name]})
            case "relations":
                new = replace(new, relations=other.relations)
            case _:
                new = replace(new, grants=other.grants)
    return new
