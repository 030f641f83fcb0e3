"""Who is in what, who has which relation, and what Cedar says of it: worked out without anything of ours."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import cedarpy

from leasehold.model.policies import PolicySide

Tuple_: TypeAlias = tuple[str, str, str, str | None]
"""Subject, relation, object, through."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one side says: its reason, what determined it, what failed."""

    side: str
    reason: str
    determining: frozenset[str]
    failed: frozenset[str]


def entities(
    agents: dict[str, str], people: Iterable[str], came: dict[str, list[str]], tuples: list[Tuple_]
) -> dict[str, tuple[set[str], set[str]]]:
    """Everything that is in something, with all that it is in, and the relations that others have to it."""
    above: dict[str, set[str]] = {f"agent:{name}": {f"team:{team}"} for name, team in agents.items()}
    above |= {f"user:{name}": set(came.get(f"user:{name}", ())) for name in people}
    for subject, relation, target, through in tuples:
        for one in (subject, target):
            above.setdefault(one, set())
        if (
            relation == "member"
            and target.partition(":")[0] in {"group", "role", "team"}
            and through in {None, "member"}
        ):
            above[subject].add(target)
    for groups in came.values():
        for one in groups:
            above.setdefault(one, set())
    _closed(above)
    have = {one: _having(one, {one, *of}, above, tuples) for one, of in above.items()}
    return {one: (above[one], have[one]) for one in above}


def _closed(above: dict[str, set[str]]) -> None:
    """Go round until nothing is new."""
    size = -1
    while size != (size := sum(map(len, above.values()))):
        for of in above.values():
            for one in tuple(of):
                of.update(above.get(one, ()))


def _having(one: str, who: set[str], above: dict[str, set[str]], tuples: list[Tuple_]) -> set[str]:
    """`object#relation` of every relation that it has, by what it is in, through others, and by groups of people."""
    found: set[str] = set()
    size = -1
    while size != (size := len(found)):
        for subject, relation, target, through in tuples:
            if (subject in who) if through is None else (f"{subject}#{through}" in found):
                found.add(f"{target}#{relation}")
    for person in (name for name in above if name.startswith("user:")):
        if any(f"{group}#acts_on_behalf_of" in found for group in above[person]):
            found.add(f"{person}#acts_on_behalf_of")
    return found


class Side:
    """Cedar, asked about one side on everything there is."""

    def __init__(
        self,
        entities: dict[str, tuple[set[str], set[str]]],
        thing: str,
        policies: dict[PolicySide, tuple[str, ...]],
    ) -> None:
        self._thing, self._policies = thing, policies
        self._entities = cedarpy.Entities.from_json_str(json.dumps([
            {
                "uid": _uid(one),
                "attrs": _relations_to(one),
                "parents": [_uid(up) for up in above] + [{"type": "Relation", "id": relation} for relation in have],
            }
            for one, (above, have) in {thing: (set(), set()), **entities}.items()
        ]))  # fmt: skip

    def told(self, side: PolicySide, principal: str, parties: dict[str, str]) -> Told:
        texts = self._policies[side]
        reasons, failed, effects = *self._answer(texts, principal, parties), [_effect(text) for text in texts]
        ids = frozenset(f"{side.value}/p{at}" for at in reasons)
        if failed:
            wrong = frozenset(f"{side.value}/p{at}" for at in failed)
            return Told(side.value, "evaluation_error", wrong, wrong)
        if any(effects[at] == "forbid" for at in reasons):
            return Told(side.value, "forbidden", ids, frozenset())
        if side is PolicySide.USER:
            return Told(side.value, "granted" if ids else "not_permitted", ids, frozenset())
        speak = [at for at in range(len(texts)) if effects[at] == "permit" and self._speaks(texts[at], principal)]
        if speak and not ids:
            every = frozenset(f"{side.value}/p{at}" for at in speak)
            return Told(side.value, "condition_not_met", every, frozenset())
        return Told(side.value, "granted", ids, frozenset())

    def _speaks(self, text: str, principal: str) -> bool:
        """Whether the policy's principal and action scopes hold."""
        head = text.partition(", resource")[0]
        reasons, _ = self._answer((f"{head}, resource);",), principal, {})
        return bool(reasons)

    def _answer(self, texts: tuple[str, ...], principal: str, parties: dict[str, str]) -> tuple[list[int], list[int]]:
        context = {name: {"__entity": _uid(one)} for name, one in parties.items()}
        request = {
            "principal": _uid(principal),
            "action": {"type": "Action", "id": "desk/act"},
            "resource": _uid(self._thing),
            "context": context,
        }
        answer = cedarpy.is_authorized(request, _parsed(texts), self._entities)
        assert answer.decision is not cedarpy.Decision.NoDecision, answer.diagnostics.errors
        failed = [one for one in range(len(texts)) if any(f"`policy{one}`" in e for e in answer.diagnostics.errors)]
        return sorted(int(one.removeprefix("policy")) for one in answer.diagnostics.reasons), failed


@lru_cache(maxsize=64)
def _parsed(texts: tuple[str, ...]) -> cedarpy.PolicySet:
    return cedarpy.PolicySet.from_str("\n".join(texts))


def _effect(text: str) -> str:
    return "forbid" if " forbid (" in text else "permit"


def _relations_to(entity: str) -> dict[str, object]:
    names = {"user": ("acts_on_behalf_of", "banned"), "document": ("owner", "viewer")}.get(entity.partition(":")[0], ())
    return {name: {"__entity": {"type": "Relation", "id": f"{entity}#{name}"}} for name in names}


def _uid(entity: str) -> dict[str, str]:
    kind, _, id_ = entity.partition(":")
    return {"type": kind, "id": id_}
