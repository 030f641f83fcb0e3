"""Whatever attribute of whatever kind is changed behind the code, it is named, with who changed it and when.

The attributes are taken from the nouns themselves: one that is added later is in this test already.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, timedelta
from enum import Enum, EnumType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from tests.unit.review.worlds import CI, NOW, Registry, declare, drift, organisation

from leasehold.model.kinds import Kind
from leasehold.model.objects import SPECS

MALLORY, AT = "oidc:mallory@example.com", NOW - timedelta(minutes=3)
ORGANISATION = organisation()
NAMES = {kind: next(name for of, name in ORGANISATION if of is kind) for kind in Kind}
UNCHANGING = {
    Kind.GRANT_SETS: "a refreshed state lists what lives: the grants themselves are compared",
    Kind.RELATIONS: "its name says all of it: another tuple is another relation",
}
SURFACE = '{"instructions":"","tools":{"drop_all":{}}}'  # of a pin, whose text is read


def with_(spec, name, value):
    """The same with one attribute changed, valid or not: what a store holds is compared as it is."""
    changed = copy.copy(spec)
    object.__setattr__(changed, name, value)
    return changed


def one_of(hint):
    """Some value of a type."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return one_of(next(one for one in inner if one is not type(None)))
    if origin is not None:
        made = one_of(inner[-1] if inner[-1] is not ... else inner[0])
        return {"made": made} if issubclass(origin, Mapping) else origin((made,))
    if is_dataclass(hint):
        return made_of(hint)
    known = {str: "made", int: 7, bool: True, Any: "made", object: "made"}
    return next(iter(hint)) if isinstance(hint, EnumType) else known.get(hint, NOW)


def made_of(noun):
    """An instance with something in every attribute, whether or not they go together."""
    hints, made = get_type_hints(noun), object.__new__(noun)
    for one in fields(noun):
        object.__setattr__(made, one.name, one_of(hints[one.name]))
    return made


OTHERS = {
    Enum: lambda value, _: next(one for one in type(value) if one is not value),
    bool: lambda value, _: not value,
    frozenset: lambda value, _: value | {"x"},
    tuple: lambda value, hint: (*value, one_of(get_args(hint)[0])),
    Mapping: lambda value, hint: {**value, "other": next(iter(value.values()), None) or one_of(get_args(hint)[1])},
    date: lambda value, _: value + timedelta(days=1),
    str: lambda value, _: SURFACE if value.startswith('{"instructions"') else f"{value}x",
    int: lambda value, _: value + 1,
    type(None): lambda _, hint: one_of(hint),
}


def another(value, hint):
    """A value that is not this one."""
    return next(other for kind, other in OTHERS.items() if isinstance(value, kind))(value, hint)


def changes(spec):
    """(path, before, after) of each attribute, one after the other; of what is not there its presence, and its own."""
    hints = get_type_hints(type(spec))
    for one in fields(spec):
        value, hint = getattr(spec, one.name), hints[one.name]
        if not is_dataclass(value):
            yield one.name, spec, with_(spec, one.name, another(value, hint))
        inner = value if value is not None else one_of(hint)
        if is_dataclass(inner):
            for path, before, after in changes(inner):
                yield f"{one.name}.{path}", with_(spec, one.name, before), with_(spec, one.name, after)


CASES = [
    pytest.param(kind, path, before, after, id=f"{kind}: {path}")
    for kind in Kind
    if kind not in UNCHANGING
    for path, before, after in changes(ORGANISATION[kind, NAMES[kind]])
]


def test_every_attribute_of_every_kind_is_among_the_cases():
    told = {kind: set() for kind in Kind}
    for case in CASES:
        told[case.values[0]].add(case.values[1].partition(".")[0])
    for kind, noun in SPECS.items():
        assert told[kind] == (set() if kind in UNCHANGING else {one.name for one in fields(noun)}), kind


@pytest.mark.parametrize(("kind", "path", "before", "after"), CASES)
def test_a_changed_attribute_is_named_with_who_changed_it_and_when(kind, path, before, after):
    registry = Registry()
    registry.write(kind, NAMES[kind], before, by=CI, stack="prod")
    registry.write(kind, NAMES[kind], after, by=MALLORY, at=AT)
    report = drift(registry, declare(organisation() | {(kind, NAMES[kind]): before}))
    found = [one for one in report.findings if (one.kind, one.name) == (kind, NAMES[kind])]
    assert {(one.cause.actor, one.cause.at) for one in found if one.cause is not None} == {(MALLORY, AT)}
    named = {change.path for one in found for change in one.changes}
    assert any(one.startswith(path) or path.startswith(one) for one in named), (path, named)
