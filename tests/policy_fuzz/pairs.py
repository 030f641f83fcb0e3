"""Random pairs of small policy sets, and every question of a small world: what brute force finds, a proof must too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from random import Random

from leasehold.model.access import Reach
from leasehold.model.access_requests import AccessRequest
from leasehold.model.entities import Entity, EntityRef
from leasehold.model.policies import PolicyPermits, PolicySide
from leasehold.model.tools import Action
from leasehold.policy.cedar.statements import DocumentRefused
from leasehold.policy.deciding import decision_on
from leasehold.policy.holdings import HeldReach
from leasehold.policy.material import CallableTool, PolicyText, facts_of
from leasehold.policy.proving.comparing import Comparison, Movement, Proof
from leasehold.policy.published import Published
from leasehold.policy.publishing import publish

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
ACTION = "desk/act"
TOOL = CallableTool(
    server="desk",
    name="act",
    action=Action.WRITE,
    input_schema={
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "count": {"type": "integer"},
            "price": {"type": "number"},
            "sure": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "at": {"type": "string", "format": "ipv6"},
        },
    },
)
AGENTS = {"ada": ("red",), "bob": ("blue",), "cal": ()}
DOORS = {"front": "red", "back": "blue"}
_ATOMS = (
    "context.input has count && context.input.count {order} {number}",
    "context.input has count && context.input.count + 1 {order} {number}",
    'context.input has text && context.input.text like "{pattern}"',
    'context.input has text && context.input.text == "{word}"',
    "context.input has sure && context.input.sure",
    'context.input has price && context.input.price.{decimal}(decimal("{number}.5"))',
    'context.input has tags && context.input.tags.contains("{word}")',
    'context.input has tags && context.input.tags.{among}(["{word}", "ab"])',
    'context.input has text && ["{word}", "b"].contains(context.input.text)',
    'context has source_ip && context.source_ip.isInRange(ip("{network}"))',
    "context has source_ip && context.source_ip.{family}()",
    'context.input has at && context.input.at.isInRange(ip("{network}"))',
    'context.input has at && context.input.at == ip("{network}")',
    "context has source_ip && context.input has at && context.source_ip == context.input.at",
    "context.depth {order} {number}",
    'context.chain.contains(agent::"bob")',
    "context.weekday {order} {number}",
    'principal in team::"{team}"',
    'principal == agent::"{agent}"',
    'principal.owner == "{team}"',
    'resource == door::"{door}"',
    'resource is door && resource has colour && resource.colour == "{team}"',
    "context.tool.read_only",
    "if context.input has sure then context.input.sure else context.depth {order} {number}",
)
_WORDS = {
    "order": ("<", "<=", ">", ">=", "==", "!="),
    "number": ("0", "1", "2"),
    "pattern": ("a*", "*b", "a*b", "*", "ab", "*a*"),
    "word": ("a", "b", "ab"),
    "decimal": ("lessThan", "greaterThanOrEqual"),
    "among": ("containsAll", "containsAny"),
    "network": (
        *("10.0.0.0/8", "10.128.0.0/9", "0.0.0.0/0"),
        *("2001:db8::/32", "2001:db8:8000::/33", "::/0", "::ffff:0:0/96", "2001:db8::1", "fe80::/10"),
    ),
    "family": ("isIpv4", "isIpv6", "isLoopback", "isMulticast"),
    "team": ("red", "blue"),
    "agent": ("ada", "bob"),
    "door": ("front", "back"),
}
_SCOPES = ("principal", 'principal in team::"red"', 'principal == agent::"ada"', "principal is agent")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two versions, and the texts that they were made of."""

    old: Published
    new: Published
    texts: tuple[str, str]


@dataclass(slots=True)
class Score:
    """How proofs and brute force agreed."""

    pairs: int = 0
    wrong: int = 0
    unproven: int = 0
    moved: int = 0
    first: str = ""


def pairs(seed: int, wanted: int) -> Iterator[Pair]:
    """Pairs from this seed, always the same; the second is mostly a small step from the first."""
    chance, made = Random(seed), 0  # noqa: S311  repeatable on purpose
    while made < wanted:
        old = [_policy(chance) for _ in range(chance.randint(1, 3))]
        new = _stepped(chance, old)
        try:
            pair = Pair(_published(old), _published(new), ("\n".join(old), "\n".join(new)))
        except DocumentRefused:
            continue
        made += 1
        yield pair


def judged(wanted: Iterable[Pair]) -> Score:
    """Prove each pair and try every question of it. Wrong is a proof that a question refutes."""
    score = Score()
    for pair in wanted:
        proof = Comparison(pair.old, pair.new, AT).proof(PolicySide.AGENT, ACTION)
        found = _by_force(pair)
        score.pairs += 1
        score.unproven += proof.movement is Movement.UNPROVEN
        score.moved += bool(found)
        if not _agree(proof, found):
            score.wrong += 1
            score.first = score.first or f"{pair.texts[0]}\n--\n{pair.texts[1]}\n{proof}\n{found}"
    return score


def _agree(proof: Proof, found: set[bool]) -> bool:
    """What force finds, a proof may not deny; what a proof shows was replayed already."""
    allowed = {
        Movement.EQUIVALENT: set[bool](),
        Movement.WIDENS: {True},
        Movement.NARROWS: {False},
    }.get(proof.movement, {True, False})
    return found <= allowed


def _by_force(pair: Pair) -> set[bool]:
    """Which ways some question turned: True for one that is allowed now, False for one that is not any more."""
    found = set()
    granted = {True: (pair.old, pair.new), False: (_bare(pair.old), _bare(pair.new))}
    for request in QUESTIONS:
        for old, new in granted.values():
            was, now = decision_on(request, old).allowed, decision_on(request, new).allowed
            if was is not now:
                found.add(now)
    return found


def _bare(version: Published) -> Published:
    facts = version.facts
    for name in AGENTS:
        facts = facts.regranted(EntityRef("agent", name), ())
    return replace(version, facts=facts)


def _published(policies: list[str]) -> Published:
    texts = [
        PolicyText(
            name=f"p{at}",
            document=one.removeprefix("beyond "),
            side=PolicySide.AGENT,
            permits=PolicyPermits.BEYOND_GRANTS if one.startswith("beyond ") else PolicyPermits.WITHIN_GRANTS,
        )
        for at, one in enumerate(policies)
    ]
    return publish(texts, _FACTS)


def _policy(chance: Random) -> str:
    effect = chance.choice(("permit", "permit", "forbid", "beyond permit"))
    clauses = "".join(
        f" {chance.choice(('when', 'when', 'unless'))} {{ {_truth(chance, 2)} }}" for _ in range(chance.randint(0, 2))
    )
    return f'{effect} ({chance.choice(_SCOPES)}, action in [Action::"*"], resource){clauses};'


def _truth(chance: Random, depth: int) -> str:
    kind = chance.randrange(5) if depth else 0
    if kind < 2:
        return "(" + chance.choice(_ATOMS).format(**{name: chance.choice(of) for name, of in _WORDS.items()}) + ")"
    if kind == 2:
        return f"!({_truth(chance, depth - 1)})"
    return f"({_truth(chance, depth - 1)} {'&&' if kind == 3 else '||'} {_truth(chance, depth - 1)})"


def _stepped(chance: Random, old: list[str]) -> list[str]:
    new, at = list(old), chance.randrange(len(old))
    match chance.randrange(4):
        case 0:
            new.append(_policy(chance))
        case 1:
            del new[at]
        case 2:
            new[at] = _policy(chance)
        case _:
            given = {of: chance.choice(words) for words in _WORDS.values() for of in words}
            which = chance.choice(list(given))
            new[at] = new[at].replace(which, given[which], 1)
    return new


def _requests() -> Iterator[AccessRequest]:
    inputs: tuple[dict[str, object], ...] = (
        {},
        {"text": "ab", "count": 1, "price": 1.5, "sure": True, "tags": ["a"], "at": "2001:db8::1"},
        {"text": "a", "count": 0, "sure": False, "tags": ["ab", "b"], "at": "2001:db8::/33"},
        {"text": "b", "count": 2, "price": 0.5, "tags": [], "at": "10.0.0.0/8"},
        {"text": "xab", "price": 2.5, "sure": True, "at": "::ffff:a00:1"},
        {"count": 3, "sure": False},
        {"text": "axb", "count": 2**63 - 1, "price": 3},
    )
    resources = (("door", "front"), ("door", "back"), ("door", "side"), ("room", "front"))
    calls = (
        (None, ()),
        ("10.0.0.1", ("bob",)),
        ("10.200.0.1", ("x", "y")),
        ("127.0.0.1", ()),
        ("2001:db8::1", ("x",)),
        ("2001:db8:8000::1", ()),
        ("ff02::1", ()),
    )
    for name, resource, arguments, (source, chain) in product(AGENTS, resources, inputs, calls):
        yield AccessRequest(
            subject=Entity(ref=EntityRef("agent", name)),
            action=ACTION,
            resource=Entity(ref=EntityRef(*resource)),
            at=AT.replace(day=23 + len(chain)),
            source=source,
            chain=chain,
            arguments=arguments,
        )


_FACTS = facts_of(
    entities=[
        *(
            Entity(
                ref=EntityRef("agent", name),
                attributes={"owner": (*teams, "nobody")[0]},
                parents=frozenset(EntityRef("team", team) for team in teams),
            )
            for name, teams in AGENTS.items()
        ),
        *(Entity(ref=EntityRef("door", name), attributes={"colour": colour}) for name, colour in DOORS.items()),
    ],
    tools=[TOOL],
    grants=[
        HeldReach(holder=EntityRef("agent", name), reach=Reach("desk", "act", pattern), name=f"{name}/{pattern}")
        for name in AGENTS
        for pattern in ("door:*", "room:*")
    ],
)
QUESTIONS = tuple(_requests())
