"""Attribute by attribute: where two specs of one object differ in meaning. Order, defaults, time zones never do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache

from leasehold.model.arguments import ArgumentConstraint
from leasehold.model.authority.plain import plain_of
from leasehold.model.objects import Spec
from leasehold.model.pins import ToolPin
from leasehold.model.plain import plain_value
from leasehold.model.tool_surfaces import surface_leaves
from leasehold.review.findings import Delta

Flat = dict[str, object]
_TEXTS = frozenset({"jwks", "client_jwks"})


def deltas(declared: Spec, live: Spec) -> tuple[Delta, ...]:
    """Every attribute whose meaning differs, by dotted path."""
    return deltas_between(flattened(declared), flattened(live))


def deltas_between(left: Flat, right: Flat) -> tuple[Delta, ...]:
    """The same, of attributes that are flattened already."""
    return tuple(
        Delta(path, left.get(path), right.get(path))
        for path in sorted(left.keys() | right.keys())
        if _typed(left.get(path)) != _typed(right.get(path))
    )


def _typed(value: object) -> tuple[type, object]:
    return type(value), value  # Python alone takes `true` for `1`


def flattened(spec: object) -> Flat:
    """The attributes of a spec under dotted paths.

    Sets are sorted lists, times in UTC, key sets and constraints on arguments in one notation.
    """
    flat: Flat = {}
    for path, value in _leaves("", spec):
        flat[path] = canonical_keys(value) if path in _TEXTS and isinstance(value, str) else plain_value(value)
    return flat


def canonical_keys(jwks: str) -> str:
    """A JWKS text in one notation, so that white space and member order do not show; as it is, if it is no JSON."""
    try:
        return json.dumps(json.loads(jwks), sort_keys=True, separators=(",", ":"))
    except ValueError:
        return jwks


def canonical_constraint(declared: ArgumentConstraint) -> dict[str, object]:
    """A constraint as tokens write it: a prefix and a glob that mean the same do not show."""
    plain = [plain_of((("", one),))[""] for one in dict.fromkeys(declared.alternatives())]
    first, *rest = sorted(plain, key=json.dumps)
    return {"any_of": [first, *rest]} if rest else first


def _leaves(prefix: str, value: object) -> Iterator[tuple[str, object]]:
    if value is None or isinstance(value, str | int | frozenset):  # most of them
        yield prefix, value
    elif isinstance(value, ArgumentConstraint):
        yield prefix, canonical_constraint(value)
    elif isinstance(value, ToolPin):
        yield "justification", value.justification
        for path, leaf in surface_leaves(value.approved).items():
            yield f"surface.{path.removeprefix('/')}", leaf
    elif (members := _members(value)) is None:
        yield prefix, value
    else:
        for name, member in members:
            yield from _leaves(f"{prefix}.{name}" if prefix else name, member)


def _members(value: object) -> Iterable[tuple[str, object]] | None:
    if isinstance(value, Mapping):
        return value.items()
    names = _names(type(value))  # type: ignore[arg-type]  # a class is hashable
    return None if names is None else ((name, getattr(value, name)) for name in names)


@cache
def _names(noun: type) -> tuple[str, ...] | None:
    """The attributes of a noun; None of what is no noun."""
    return tuple(one.name for one in fields(noun)) if is_dataclass(noun) else None
