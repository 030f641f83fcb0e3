"""Random policies about tool calls, and calls: slices that read a call themselves, against Cedar on a written context.

The context that Cedar reads is written here by hand, from what the documentation says of each name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any

import cedarpy
from tests.policy_fuzz.cases import Case, Expected, Tally, asked, known_of, short
from tests.policy_fuzz.grammar import World

from leasehold.model.access_requests import AccessRequest, OauthMode, OauthStatus
from leasehold.model.entities import Entity, EntityRef

MONDAY = datetime(2026, 11, 23, 10, tzinfo=UTC)
ACTION, DOOR, ADA, ANA = (
    EntityRef("Action", "desk/act"),
    EntityRef("door", "front"),
    EntityRef("agent", "ada"),
    EntityRef("user", "ana"),
)
FACTS = {"server": "desk", "name": "act", "action": "write", "read_only": False, "open_world": True}
_ATOMS = (
    'context has {name} || "{word}" == "ab"',
    "context has {record}.{field}",
    "context has oauth.mode.{field}",
    "context has on_behalf_of.{field}",
    "context.{record} has {field}",
    "context.{record}.{field}",
    'context.{record}.{field} == "{word}"',
    "context.{name} == context.{name}",
    'context.{name} == "{word}"',
    "context.oauth.consent",
    "context.oauth.consent || context.depth > {number}",
    'context.oauth.mode == "{mode}"',
    'context.oauth.scopes.contains("{word}")',
    'context.oauth == {{mode: "{mode}", scopes: ["{word}"], consent: true}}',
    'context.input.text like "{pattern}"',
    "context.input.count {order} {number}",
    'context.input.tags.contains("{word}")',
    'context.input == {{text: "{word}"}}',
    "context.depth {order} {number}",
    'context.chain.contains(agent::"{agent}")',
    "context.chain.isEmpty()",
    "context.weekday {order} {number}",
    'context.now {order} datetime("2026-11-24T10:00:00Z")',
    'context.deployment == "{word}"',
    'context.via_agent == agent::"{agent}"',
    'context.on_behalf_of in group::"{word}"',
    'context.on_behalf_of.region == "{word}"',
    "context.tool.read_only",
    'context.tool.action == "{mode}"',
    'context.caller.region == "{word}"',
    'context.source_ip.isInRange(ip("{network}"))',
    "context.source_ip.isInRange(context.{name})",
    'ip("10.0.0.1").isInRange(context.source_ip)',
    'ip("10.1.0.0/8").isInRange(ip("{network}"))',
    'context.{name}.isInRange(ip("{network}"))',
    "context.source_ip.isIpv4()",
    'principal in group::"{word}"',
    "context == {{depth: {number}}}",
)
_LOOKS = re.compile(r"context\.(\w+)(?:\.(text|count|tags|region|consent|mode|scopes|server|read_only|nothing)\b)?")
_ENTITY_NAMES = frozenset({"on_behalf_of", "deployment"})
_WORDS: dict[str, tuple[str, ...]] = {
    "name": (
        *("input", "source_ip", "caller", "oauth", "tool", "now", "weekday", "depth", "chain", "deployment"),
        *("on_behalf_of", "via_agent", "nothing"),
    ),
    "record": ("input", "caller", "oauth", "tool", "deployment", "on_behalf_of"),
    "field": ("text", "count", "region", "mode", "scopes", "consent", "server", "read_only", "nothing"),
    "word": ("a", "ab", "EU", "red", "desk"),
    "mode": ("autonomous", "on_behalf_of", "write"),
    "pattern": ("a*", "*b", "*"),
    "order": ("<", "<=", ">", ">=", "=="),
    "number": ("0", "1", "2", "7"),
    "agent": ("ada", "bob"),
    "network": ("10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "::/0", "2001:db8::/32", "10.1.2.3", "300.1.1.1"),
}


@dataclass(frozen=True, slots=True)
class Called:
    """A case, with the call that it is about and its parties."""

    case: Case
    request: AccessRequest
    caller: dict[str, Any]
    parties: tuple[EntityRef, EntityRef | None, EntityRef | None]


def called(seed: int, wanted: int) -> Iterator[Called]:
    """Calls from this seed, always the same."""
    chance, made = Random(seed), 0  # noqa: S311  repeatable on purpose
    while made < wanted:
        text = "\n".join(_policy(chance, at) for at in range(chance.randint(1, 5)))
        parsed = cedarpy.PolicySet.from_str(text)
        for _ in range(4):
            request, caller, parties = _request(chance)
            world = World(_ENTITIES, _plain(request, caller, parties))
            expected = asked(parsed, world)
            assert expected is not None, text
            made += 1
            yield Called(Case(text, world, expected), request, caller, parties)


class Fused:
    """A set of modules (the real ones, or a mutant's) that is asked of calls."""

    def __init__(self, ours: SimpleNamespace, engine: str = "compiled") -> None:
        self._ours, self._engine = ours, ours.engines.engine_named(engine)
        self._text, self._judge = "", None

    def run(self, wanted: Iterable[Called], *, stop: bool = False) -> Tally:
        """Ask all of them, or up to the first difference, and count."""
        tally = Tally()
        for one in wanted:
            try:
                said: Expected | str = self._verdict(one)
            except Exception as error:  # noqa: BLE001  a mutant may break in any way: that is a difference
                said = repr(error)
            tally.count(one.case, said)
            if stop and tally.differences:
                break
        return tally

    def _verdict(self, one: Called) -> Expected:
        ours, request = self._ours, one.request
        if one.case.text != self._text:
            policies = ours.statements.statements_of("fuzz", one.case.text)
            self._judge = self._engine.fuse(policies, self._engine.prepare(policies))
            self._text = one.case.text
        said = ours.mapping.native(dict(request.arguments))
        source = None if request.source is None else ours.values.network(request.source)
        caller = ours.mapping.native(one.caller) if one.caller else None
        call = ours.evaluation.Call(ACTION, DOOR, request, FACTS, said, source, caller)
        verdict = self._judge(call, one.parties, known_of(ours, one.case.world))
        allowed = bool(verdict.permitted) and not verdict.forbidden
        return Expected(allowed, short(verdict.forbidden or verdict.permitted), short(verdict.failed))


def _policy(chance: Random, number: int) -> str:
    effect = chance.choice(("permit", "permit", "forbid"))
    clauses = "".join(f" {chance.choice(('when', 'when', 'unless'))} {{ {_truth(chance, 2)} }}" for _ in range(2))
    return f'@id("p{number}") {effect} (principal, action == Action::"desk/act", resource){clauses};'


def _truth(chance: Random, depth: int) -> str:
    kind = chance.randrange(6) if depth else 0
    if kind < 3:
        atom = chance.choice(_ATOMS).format(**{name: chance.choice(of) for name, of in _WORDS.items()})
        return f"({_guarded(atom) if chance.random() < 0.75 else atom})"
    if kind == 3:
        name = chance.choice(_WORDS["name"])
        return f"(context has {name} && {_truth(chance, depth - 1)})"
    return f"({_truth(chance, depth - 1)} {'&&' if kind == 4 else '||'} {_truth(chance, depth - 1)})"


def _guarded(atom: str) -> str:
    """Where what it looks at is there; as people write policies."""
    looks = _LOOKS.findall(atom)
    paths = [f"{name}.{field}" if field and name not in _ENTITY_NAMES else name for name, field in looks]
    return " && ".join([*(f"context has {path}" for path in paths), f"({atom})"])


def _request(
    chance: Random,
) -> tuple[AccessRequest, dict[str, Any], tuple[EntityRef, EntityRef | None, EntityRef | None]]:
    parties = chance.choice(((ADA, None, None), (ADA, ANA, None), (ANA, None, ADA), (ANA, None, None)))
    words, some = _WORDS["word"], chance.random
    arguments: dict[str, Any] = {"text": chance.choice(words)} if some() < 0.7 else {}
    arguments |= {"count": chance.randrange(3)} if some() < 0.5 else {}
    arguments |= {"tags": chance.sample(words, 2)} if some() < 0.5 else {}
    oauth = OauthStatus(
        mode=chance.choice(tuple(OauthMode)),
        scopes=frozenset(chance.sample(words, chance.randrange(3))),
        consent=some() < 0.6,
    )
    request = AccessRequest(
        subject=Entity(ref=parties[0]),
        action=ACTION.id,
        resource=Entity(ref=DOOR),
        at=MONDAY + timedelta(days=chance.randrange(7), milliseconds=chance.randrange(2000)),
        chain=tuple(chance.sample(("ada", "bob", "cy"), chance.randrange(3))),
        deployment=chance.choice((None, *words)),
        source=chance.choice((None, "10.1.2.3", "10.9.9.9", "11.1.1.1", "8.8.8.8", "2001:db8::1")),
        oauth=oauth if some() < 0.7 else None,
        arguments=arguments,
    )
    caller = chance.choice(({}, {"region": chance.choice(words)}))
    return request, caller, parties


def _plain(request: AccessRequest, caller: dict[str, Any], parties: tuple[EntityRef, ...]) -> dict[str, Any]:
    """The question in Cedar's JSON."""
    at = request.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    oauth = request.oauth
    context: dict[str, Any] = {
        "input": dict(request.arguments),
        "tool": FACTS,
        "now": {"__extn": {"fn": "datetime", "arg": at}},
        "weekday": request.at.weekday() + 1,
        "depth": len(request.chain),
        "chain": [_entity("agent", name) for name in request.chain],
    }
    if request.source is not None:
        context["source_ip"] = {"__extn": {"fn": "ip", "arg": request.source}}
    if caller:
        context["caller"] = caller
    if oauth is not None:
        context["oauth"] = {"mode": oauth.mode.value, "scopes": sorted(oauth.scopes), "consent": oauth.consent}
    if request.deployment is not None:
        context["deployment"] = request.deployment
    for name, ref in zip(("on_behalf_of", "via_agent"), parties[1:], strict=True):
        if ref is not None:
            context[name] = _entity(*ref)
    asking = {name: {"type": ref.type, "id": ref.id} for name, ref in (("principal", parties[0]), ("action", ACTION))}
    return {**asking, "resource": {"type": DOOR.type, "id": DOOR.id}, "context": context}


def _entity(type_: str, name: str) -> dict[str, Any]:
    return {"__entity": {"type": type_, "id": name}}


_ENTITIES: list[dict[str, Any]] = [
    {"uid": {"type": "agent", "id": "ada"}, "attrs": {}, "parents": [{"type": "group", "id": "red"}]},
    {"uid": {"type": "user", "id": "ana"}, "attrs": {"region": "EU"}, "parents": [{"type": "group", "id": "a"}]},
    {"uid": {"type": "group", "id": "a"}, "attrs": {}, "parents": []},
    {"uid": {"type": "group", "id": "red"}, "attrs": {}, "parents": []},
    {"uid": {"type": "Action", "id": "desk/act"}, "attrs": {}, "parents": []},
]
