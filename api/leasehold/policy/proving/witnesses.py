"""From a solver's model to a call that somebody can make, asked again of the decision point before anybody is told.

A witness may need what is not registered: a person of that group, a document in that folder. It says so, and for the
replay they are supposed to be there, on both sides alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import z3

from leasehold.model.access import Reach
from leasehold.model.access_requests import AccessRequest, OauthMode, OauthStatus
from leasehold.model.entities import AGENT, USER, Entity, EntityRef
from leasehold.model.policies import PolicySide
from leasehold.policy.cedar.known import Known
from leasehold.policy.cedar.shapes import (
    FieldShape,
    FlagShape,
    FractionShape,
    HiddenShape,
    MomentShape,
    NetworkShape,
    RecordShape,
    SetShape,
    Shape,
    TextShape,
    WholeShape,
)
from leasehold.policy.cedar.values import Fraction, Moment, Value, set_of
from leasehold.policy.deciding import decision_on
from leasehold.policy.holdings import HeldReach, holdings_of
from leasehold.policy.proving.operators import plain_text
from leasehold.policy.proving.symbols import CHAIN, DEPTH, LOGIN, NOW, SOURCE, Symbols
from leasehold.policy.proving.terms import Being, Formula, NotModelled, Sort
from leasehold.policy.published import ActionFacts, Published

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FRACTION = Decimal(10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A call, and what had to be supposed for it: entities that are not registered, and a grant."""

    request: AccessRequest
    supposed: Mapping[EntityRef, Known] = field(default_factory=dict)
    granted: bool | None = None
    """Of an unknown principal: whether a grant of the tool is supposed, or none at all."""
    names_thing: bool = True
    """False if the solver chose the thing that it is about."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks what, as a proof sees it. `principal` and `resource` are unknown, or known entities.

    `others` are known others of the question: whom the agent acts for, or by which agent a person does.
    """

    side: PolicySide
    action: ActionFacts
    principal: Being
    resource: Being
    at: datetime
    others: Mapping[str, EntityRef | None] = field(default_factory=dict)


class Reading:
    """One model, read back."""

    def __init__(self, model: Any, symbols: Symbols, asked: Asked, published: Published) -> None:  # Any: the solver's
        self._model, self._symbols, self._asked, self._published = model, symbols, asked, published

    def witness(self, granted: Formula | None) -> Witness:
        """The call. Raises `NotModelled` for a model that no call can be made of."""
        asked, supposed = self._asked, dict[EntityRef, Known]()
        principal = self._being(asked.principal, supposed)
        resource = self._being(asked.resource, {})
        known = self._known(asked.resource)
        if asked.resource.fixed is None and (known.ancestors or known.attributes):
            supposed[resource] = known
        other = {name: self._other(name, type_, supposed) for name, type_ in _OTHERS.items()}
        subject, user = (principal, other["on_behalf_of"]) if asked.side is PolicySide.AGENT else (principal, None)
        if other["via_agent"] is not None:
            subject, user = other["via_agent"], principal
        request = AccessRequest(
            subject=Entity(ref=subject),
            action=asked.action.ref.id,
            resource=Entity(ref=resource, attributes=self._claims(asked.resource)),
            at=self._at(),
            user=Entity(ref=user, parents=self._login()) if user is not None else None,
            chain=self._chain(),
            deployment=self._deployment(),
            source=self._source(),
            oauth=self._oauth(),
            arguments=self._record("context.input", self._arguments()),
            context=self._caller(),
        )
        return Witness(
            request=request,
            supposed=supposed,
            granted=None if granted is None else self._holds(granted),
            names_thing=asked.resource.fixed is not None,
        )

    def _arguments(self) -> RecordShape:
        tool = self._asked.action.tool
        if tool is None:
            raise NotModelled("no tool")
        return tool.arguments

    def _eval(self, formula: Formula) -> Any:  # Any: the solver's
        return self._model.eval(formula, model_completion=True)

    def _holds(self, formula: Formula) -> bool:
        return bool(z3.is_true(self._eval(formula)))

    def _number(self, formula: Formula) -> int:
        return int(self._eval(formula).as_long())

    def _being(self, being: Being, supposed: dict[EntityRef, Known]) -> EntityRef:
        if being.fixed is not None:
            return being.fixed
        ref = EntityRef(plain_text(self._eval(being.type)), plain_text(self._eval(being.id)))
        supposed[ref] = self._known(being)
        return ref

    def _known(self, being: Being) -> Known:
        above = {ref for (path, ref), member in self._symbols.above.items() if path == being.path}
        above = {ref for ref in above if self._holds(self._symbols.above[being.path, ref])}
        type_ = plain_text(self._eval(being.type))
        shape = self._published.vocabulary.types.get(type_, RecordShape(()))
        required = being.path == "principal"
        attributes = {
            name: self._typed(f"{being.path}.{name}", one.shape)
            for name, one in shape.fields
            if self._is_there(f"{being.path}.{name}", replace(one, required=required and one.required))
        }
        closed = set(above)
        for ref in above:
            known = self._published.entities.get(ref)
            closed |= known.ancestors if known is not None else frozenset()
        return Known(attributes, frozenset(closed))

    def _claims(self, being: Being) -> dict[str, object]:
        """What the caller says of a known thing besides what is known."""
        if not being.open:
            return {}
        fields = self._published.vocabulary.types.get(being.types[0], RecordShape(())).fields
        return {
            name: self._plain(f"{being.path}.{name}", one.shape)
            for name, one in fields
            if self._is_there(f"{being.path}.{name}", replace(one, required=False))
        }

    def _login(self) -> frozenset[EntityRef]:
        """The groups that come with the person's login."""
        members = self._symbols.above.items()
        return frozenset(ref for (path, ref), member in members if path == LOGIN and self._holds(member))

    def _other(self, name: str, type_: str, supposed: dict[EntityRef, Known]) -> EntityRef | None:
        if name in self._asked.others:
            return self._asked.others[name]
        path = f"context.{name}"
        if path not in self._symbols.present or not self._holds(self._symbols.present[path]):
            return None
        being = self._symbols.being(path, (type_,))
        return self._being(being, supposed)

    def _at(self) -> datetime:
        made = self._symbols.variables.get(NOW)
        return self._asked.at if made is None else _EPOCH + timedelta(milliseconds=self._number(made))

    def _chain(self) -> tuple[str, ...]:
        named = sorted(
            key.id
            for (path, key), held in self._symbols.members.items()
            if path == CHAIN and isinstance(key, EntityRef) and self._holds(held)
        )
        depth = self._symbols.variables.get(DEPTH)
        if depth is None:
            return tuple(named)
        fill = [f"another-{at}" for at in range(self._number(depth) - len(named))]
        return (*named, *fill)

    def _deployment(self) -> str | None:
        found = self._field("context.deployment", FieldShape(TextShape(), required=False))
        return found if isinstance(found, str) else None

    def _source(self) -> str | None:
        found = self._field(SOURCE, FieldShape(NetworkShape(), required=False))
        return found.partition("/")[0] if isinstance(found, str) else None

    def _oauth(self) -> OauthStatus | None:
        path = "context.oauth"
        if path not in self._symbols.present or not self._holds(self._symbols.present[path]):
            return None
        mode = self._plain(f"{path}.mode", TextShape())
        scopes = self._plain(f"{path}.scopes", SetShape(TextShape()))
        consent = bool(self._plain(f"{path}.consent", FlagShape()))
        return OauthStatus(
            mode=OauthMode(mode) if isinstance(mode, str) and mode in set(OauthMode) else OauthMode.AUTONOMOUS,
            scopes=frozenset(str(one) for one in scopes) if isinstance(scopes, list) else frozenset(),
            consent=consent,
        )

    def _caller(self) -> dict[str, object]:
        path = "context.caller"
        if path not in self._symbols.present or not self._holds(self._symbols.present[path]):
            return {}
        found = self._record(path, self._published.vocabulary.caller)
        return found or {"other": "x"}  # an open record: what no policy sees makes it one

    def _record(self, path: str, shape: RecordShape) -> dict[str, object]:
        return {
            name: self._plain(f"{path}.{name}", one.shape)
            for name, one in shape.fields
            if self._is_there(f"{path}.{name}", one) or (one.required and not one.nullable)
        }

    def _field(self, path: str, one: FieldShape) -> object:
        return self._plain(path, one.shape) if self._is_there(path, one) else None

    def _is_there(self, path: str, one: FieldShape) -> bool:
        if one.required and not one.nullable:
            return True
        present = self._symbols.present.get(path)
        return present is not None and self._holds(present)

    def _plain(self, path: str, shape: Shape) -> object:  # noqa: C901, PLR0911  one arm per shape
        """The value as JSON has it; of what no policy looked at, any."""
        made = self._symbols.variables.get(path)
        match shape:
            case TextShape(among):
                return plain_text(self._eval(made)) if made is not None else min(among) if among else "x"
            case FlagShape():
                return made is not None and self._holds(made)
            case WholeShape():
                return self._number(made) if made is not None else 0
            case FractionShape():
                return Decimal(self._number(made)) / _FRACTION if made is not None else 0
            case MomentShape():
                at = timedelta(milliseconds=self._number(made)) if made is not None else timedelta(0)
                return (_EPOCH + at).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            case NetworkShape():
                return self._network(path) if made is not None else "192.0.2.1"
            case SetShape():
                return self._set(path, shape)
            case RecordShape():
                return self._record(path, shape)
            case HiddenShape():
                raise NotModelled("an argument that has no model")
            case _:
                raise NotModelled("an argument that is an entity")

    def _network(self, path: str) -> str:
        """An address, or a network. Cedar reads no IPv6 address that ends like one of IPv4: all of it is written."""
        is_v6 = self._holds(self._symbols.flag(f"{path} is v6"))
        of = f"{path} v6" if is_v6 else path
        number, length = self._number(self._symbols.variables[of]), self._symbols.variables.get(f"{of} length")
        address = IPv6Address(number).exploded if is_v6 else str(IPv4Address(number))
        return address if length is None else f"{address}/{self._number(length)}"

    def _set(self, path: str, shape: SetShape) -> list[object]:
        held = [
            _json(key)
            for (of, key), member in self._symbols.members.items()
            if of == path and self._holds(member) and isinstance(key, tuple)
        ]
        empty = self._symbols.empty.get(path)
        if held or empty is None or self._holds(empty):
            return held
        return [self._plain(f"{path}[]", shape.element)]

    def _typed(self, path: str, shape: Shape) -> Value:
        found = self._plain(path, shape)
        match shape:
            case FractionShape():
                return Fraction(int(Decimal(str(found)) * _FRACTION))
            case MomentShape():
                made = self._symbols.variables.get(path)
                return Moment(self._number(made) if made is not None else 0)
            case SetShape(TextShape()):
                return set_of(found if isinstance(found, list) else ())
            case TextShape() | FlagShape() | WholeShape():
                return found
            case _:
                raise NotModelled("an attribute that has no model")


_OTHERS = {"on_behalf_of": USER, "via_agent": AGENT}


def allowed(witness: Witness, side: PolicySide, published: Published) -> bool:
    """Whether the decision point allows the call: all of it, or the one side where two must agree."""
    world = supposing(witness, side, published)
    decision = decision_on(witness.request, world)
    if witness.request.user is None:
        return decision.allowed
    return any(one.allowed for one in decision.sides if one.side is side)


def supposing(witness: Witness, side: PolicySide, published: Published) -> Published:
    """The version, with what the witness supposes registered besides what is."""
    if not witness.supposed and witness.granted is None:
        return published
    facts = published.facts
    if witness.supposed:
        facts = replace(facts, known={**facts.known, **witness.supposed})
    if witness.granted is not None:
        request = witness.request
        holder = request.subject.ref if side is PolicySide.AGENT or request.user is None else request.user.ref
        server, _, tool = request.action.partition("/")
        reach = Reach(server, tool, f"{request.resource.ref.type}:*")
        given = [HeldReach(holder=holder, reach=reach, name="supposed")] if witness.granted else []
        made = holdings_of(given, {server: [tool]})
        facts = replace(facts, grants=made) if side is PolicySide.AGENT else replace(facts, permissions=made)
    return replace(published, facts=facts, entities={**published.entities, **witness.supposed})


def supposed_in_words(witness: Witness) -> Iterator[str]:
    """What is supposed, for people."""
    for ref, known in sorted(witness.supposed.items()):
        above = ", ".join(map(_quoted, sorted(known.ancestors)))
        yield f"{_quoted(ref)}{f' in {above}' if above else ''}"
    user, resource = witness.request.user, witness.request.resource
    if user is not None and user.parents:
        yield f"a login with {', '.join(map(_quoted, sorted(user.parents)))}"
    if resource.attributes:
        told = ", ".join(map(_quoted, sorted(resource.attributes)))
        yield f"the caller tells {told} of {_quoted(resource.ref)}"
    if witness.granted:
        yield "a grant of the tool"


def _quoted(named: object) -> str:
    """Between backticks, and not able to get out."""
    return "`" + str(named).replace("`", "\\u{60}") + "`"


def _json(key: tuple[object, ...]) -> object:
    sort, value = key
    if sort is Sort.FRACTION and isinstance(value, int):
        return Decimal(value) / _FRACTION
    if sort is Sort.MOMENT and isinstance(value, int):
        return (_EPOCH + timedelta(milliseconds=value)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value
