"""Who can call a tool, what an agent can call, and under which conditions: everything published, read the other way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from cedarpy import pst

from leasehold.model.authority.plain import plain_of
from leasehold.model.entities import EntityRef
from leasehold.model.patterns import covers
from leasehold.model.policies import PolicyMode, PolicyPermits, PolicySide
from leasehold.policy.cedar.folding import condition_of, condition_on_principals
from leasehold.policy.cedar.index import Scope, scope_of
from leasehold.policy.cedar.known import Known
from leasehold.policy.explaining import text_of
from leasehold.policy.holdings import Holding, Holdings, Rule
from leasehold.policy.logins import bringing
from leasehold.policy.published import ActionFacts, Published, SidePolicies, Slice

_NO_ONE: frozenset[EntityRef] = frozenset()
_NOBODY = Known({}, _NO_ONE)
_made = tuple.__new__


class Access(NamedTuple):
    """A way to call a tool: `holder` by `grant`, or whoever a policy speaks of by `policy`.

    All of `unless` must be false and, if there are any, one of `when` true, in Cedar's words. `holder` may be a group.
    `logins`: groups of a login (`<trust issuer>/<group>`); whoever logs in with one is spoken of by the policy.
    """

    side: PolicySide
    action: str
    holder: EntityRef | None
    grant: str | None
    resource: str
    constraints: Mapping[str, object]
    expires_at: datetime | None
    when: tuple[str, ...]
    unless: tuple[str, ...]
    policy: str | None = None
    scope: str = ""
    logins: tuple[str, ...] = ()


class _Residue(NamedTuple):
    """What a slice asks, as text; None where it forbids whatever the question."""

    when: tuple[str, ...]
    unless: tuple[str, ...]


def who_can(
    action: str,
    published: Published,
    at: datetime,
    resource: str | None = None,
    groups: frozenset[EntityRef] = _NO_ONE,
) -> Iterator[Access]:
    """Every way to call the tool, on the resource (`type:id`) if one is named. An unknown tool nobody can call.

    `groups` are those that can come with a login.
    """
    facts = published.actions.get(action)
    if facts is None:
        return
    survey = _Survey(published, at, resource)
    for side, held in _SIDES:
        yield from survey.ways(side, held(published).of.get(action, {}).items(), facts)
    yield from _by_policy(facts, published, groups)


def what_can(holder: EntityRef, published: Published, at: datetime) -> Iterator[Access]:
    """Every tool that the holder can call, by itself or by what it is in."""
    survey = _Survey(published, at, None)
    above = published.facts.known.get(holder, _NOBODY).ancestors
    for side, held in _SIDES:
        for one in (holder, *sorted(above)):
            for action, holdings in held(published).of_holder(one).items():
                yield from survey.ways(side, [(holder, holdings)], published.actions[action])


_SIDES: tuple[tuple[PolicySide, Callable[[Published], Holdings]], ...] = (
    (PolicySide.AGENT, lambda published: published.facts.grants),
    (PolicySide.USER, lambda published: published.facts.permissions),
)


class _Survey:
    """One question to all holders. What slices ask is read once per slice."""

    def __init__(self, published: Published, at: datetime, resource: str | None) -> None:
        self._published, self._at, self._resource = published, at, resource
        self._read: dict[tuple[str, ...], _Residue | None] = {}
        self._open: dict[int, Mapping[str, object] | None] = {}

    def ways(
        self, side: PolicySide, holders: Iterable[tuple[EntityRef, tuple[Holding, ...]]], facts: ActionFacts
    ) -> list[Access]:
        """The ways that holdings open, if they are open at all. One loop, for it goes over 100,000 holders."""
        found, name, opened = list[Access](), facts.ref.id, self._open
        policies = self._published.agents if side is PolicySide.AGENT else self._published.users
        known, named, asked = self._published.facts.known.get, policies.named, dict[object, _Residue | None]()
        for holder, holdings in holders:
            # Whom no policy names is asked what others of its type are, in the same groups; alike ones share them.
            above = known(holder, _NOBODY)[1] if named else _NO_ONE
            key: object = holder if holder in named else (holder[0], id(above))
            residue = asked[key] if key in asked else self._asked(asked, key, policies.slice_of(holder, above, facts))
            if residue is None:
                continue
            when, unless = residue if side is PolicySide.AGENT else ((), residue[1])
            for rule, grant in holdings:
                at = id(rule)  # many grants share it, and the holdings keep it alive
                constraints = opened[at] if at in opened else self._opened(at, rule)
                if constraints is not None:
                    way = side, name, holder, grant, rule[0], constraints, rule[2], when, unless, None, "", ()
                    found.append(_made(Access, way))  # its own constructor takes as long again
        return found

    def _asked(self, asked: dict[object, _Residue | None], key: object, piece: Slice) -> _Residue | None:
        """What a slice asks; None if it forbids in any case."""
        if piece.ids not in self._read:
            self._read[piece.ids] = _read(piece)
        asked[key] = self._read[piece.ids]
        return asked[key]

    def _opened(self, at: int, rule: Rule) -> Mapping[str, object] | None:
        """The constraints of a rule; None if it opens nothing."""
        shut = rule.expires_at is not None and self._at >= rule.expires_at
        elsewhere = self._resource is not None and not covers(rule.resource, self._resource)
        self._open[at] = None if shut or elsewhere else plain_of(rule.constraints)
        return self._open[at]


def _read(piece: Slice) -> _Residue | None:
    when, unless = [], []
    for policy in piece.policies:
        condition = condition_of(policy.statement.template)
        text = "" if condition == pst.BoolLit(value=True) else text_of(condition)
        if policy.statement.permits:
            when.append(text)
        elif not text:
            return None
        else:
            unless.append(text)
    # A permit that asks nothing is met whatever the others ask.
    return _Residue(() if "" in when else tuple(when), tuple(unless))


def _by_policy(facts: ActionFacts, published: Published, groups: frozenset[EntityRef]) -> Iterator[Access]:
    """What permits grant by themselves: on the user side every one, on the agent side those beyond grants."""
    for side, policies in ((PolicySide.AGENT, published.agents), (PolicySide.USER, published.users)):
        unless = _forbidden(facts, policies)
        for scope, policy in policies.about(facts) if unless is not None else ():
            statement = policy.statement
            if (
                statement.permits
                and policy.mode is PolicyMode.ENFORCE
                and (side is PolicySide.USER or policy.permits is PolicyPermits.BEYOND_GRANTS)
            ):
                condition = condition_of(statement.template)
                yield Access(
                    side=side,
                    action=facts.ref.id,
                    holder=scope[1] if len(scope) > 1 and isinstance(scope[1], EntityRef) else None,
                    grant=None,
                    resource=_words(scope_of(statement.template.resource)) or "*",
                    constraints={},
                    expires_at=None,
                    when=() if condition == pst.BoolLit(value=True) else (text_of(condition),),
                    unless=unless or (),
                    policy=statement.id,
                    scope=_words(scope),
                    logins=bringing(scope, groups, published) if side is PolicySide.USER else (),
                )


def _forbidden(facts: ActionFacts, policies: SidePolicies) -> tuple[str, ...] | None:
    """What forbids ask, whomever they speak of; None if one asks nothing, and nobody can."""
    forbids = [one for _, one in policies.about(facts) if not one.statement.permits and one.mode is PolicyMode.ENFORCE]
    asked = [condition_on_principals(one.statement.template) for one in forbids]
    return None if pst.BoolLit(value=True) in asked else tuple(text_of(one) for one in asked)


def _words(scope: Scope) -> str:
    """A scope in words: `in group:staff`."""
    return " ".join(str(part) for part in scope)
