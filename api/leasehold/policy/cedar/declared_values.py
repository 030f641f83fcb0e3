"""Values as an application's schema declares them: what is registered, and what a caller says, typed alike.

The registry keeps texts, booleans, integers, decimals and sets of texts, and JSON knows no more. A schema says which of
the texts are entities, times, addresses and records.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from leasehold.model.entities import RELATION, EntityRef
from leasehold.policy.cedar.declaring import Declared
from leasehold.policy.cedar.documents import ArgumentsRefused, parse_strictly
from leasehold.policy.cedar.known import Known, Lookup
from leasehold.policy.cedar.mapping import ValueRefused, at_step, mapper_of
from leasehold.policy.cedar.shapes import FieldShape, FractionShape, MomentShape, RecordShape, RefShape, SetShape, Shape
from leasehold.policy.cedar.values import CedarSet, EvaluationError, Fraction, Value, moment, set_of, unkeyed
from leasehold.policy.cedar.vocabulary import relation_ref

Ids = Mapping[EntityRef, str]
"""The names of people, by each of their foreign ids."""


class DeclaredEntities:
    """Entities as one application declares them. What it does not declare, none of its policies can look at.

    A relation that it declares is there whether or not anybody has it.
    """

    __slots__ = ("_declared", "_found", "_ids", "_known")

    def __init__(self, known: Lookup, declared: Mapping[str, Declared], ids: Ids) -> None:
        self._known, self._declared, self._ids = known, declared, ids
        self._found: dict[EntityRef, Known | None] = {}

    def get(self, ref: EntityRef, /) -> Known | None:
        """What the application sees of it. Raises `ValueRefused` for what is registered otherwise."""
        if ref not in self._found:
            self._found[ref] = self._seen(ref)
        return self._found[ref]

    def _seen(self, ref: EntityRef) -> Known | None:
        known, declared = self._known.get(ref), self._declared.get(ref.type)
        if declared is None:
            return known
        relations = {name: relation_ref(ref, name) for name in declared.relations}
        if known is None:
            return Known(relations, frozenset()) if relations else None
        attributes = claimed(declared, ref.type, known.attributes, self._ids)
        within = frozenset(one for one in known.ancestors if one.type in declared.within)
        return Known({**attributes, **relations}, within)


def claimed(declared: Declared, type_: str, values: Mapping[str, object], ids: Ids) -> dict[str, Value]:
    """The declared attributes among these. Raises `ValueRefused`. Relations are nothing that anybody says."""
    listed = {name: one for name, one in declared.attributes.items() if name in values.keys() - declared.relations}
    return at_step(type_, partial(_fields, listed, ids=ids), values)


def said(shape: RecordShape, values: Mapping[str, object], ids: Ids) -> Value:
    """What the schema declares of a context. Raises `ValueRefused`."""
    return at_step("context", partial(_record, dict(shape.fields), ids=ids), values)


def _fields(fields: Mapping[str, FieldShape], values: Mapping[str, object], ids: Ids) -> dict[str, Value]:
    return {name: at_step(name, partial(_valued, one.shape, ids=ids), values[name]) for name, one in fields.items()}


def _valued(shape: Shape, value: object, ids: Ids) -> Value:
    match shape:
        case RefShape(type_):
            return _entity(type_, value, ids)
        case SetShape(element):
            return _set(element, value, ids)
        case RecordShape(fields):
            return _record(dict(fields), value, ids)
        case FractionShape() if type(value) is Fraction:
            return value
        case MomentShape() if type(value) is str:
            return _moment(value)
        case _:
            return mapper_of(shape)(value)


def _entity(type_: str, value: object, ids: Ids) -> Value:
    """An id, or `type` and `id` as AuthZEN writes an entity. A person is known by any of their ids."""
    if isinstance(value, Mapping) and value.get("type") == type_:
        value = value.get("id")
    if type(value) is not str or type_ == RELATION:
        raise ValueRefused("", f"not the id of a `{type_}`")
    ref = EntityRef(type_, value)
    return EntityRef(type_, ids.get(ref, value))


def _set(element: Shape, value: object, ids: Ids) -> Value:
    if isinstance(value, CedarSet):
        return set_of([_valued(element, unkeyed(one), ids) for one in value])
    found = _written(value)
    if not isinstance(found, list):
        raise ValueRefused("", "not a list")
    return set_of([_valued(element, one, ids) for one in found])


def _record(fields: Mapping[str, FieldShape], value: object, ids: Ids) -> Value:
    found = _written(value)
    if not isinstance(found, Mapping):
        raise ValueRefused("", "not an object")
    return _fields({name: one for name, one in fields.items() if name in found}, found, ids)


def _written(value: object) -> object:
    """A value, or what it is the JSON of: so the registry keeps records, and sets of other things than texts."""
    if type(value) is not str:
        return value
    try:
        return parse_strictly(value.encode())
    except ArgumentsRefused:
        return None


def _moment(text: str) -> Value:
    """As Cedar writes a time, or as RFC 3339 does."""
    try:
        return moment(text)
    except EvaluationError:
        return mapper_of(MomentShape())(text)
