"""Attribute by attribute: where two specs of one object differ in meaning. Order, defaults, time zones never do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from leasehold.model.arguments import ArgumentConstraint
from leasehold.model.authority.plain import plain_of
from leasehold.model.objects import Spec
from leasehold.model.pins import ToolPin
from leasehold.model.plain import plain_value
from leasehold.model.tool_surfaces import surface_leaves
from leasehold.review.findings import Delta


def deltas(declared: Spec, live: Spec) -> tuple[Delta, ...]:
    """Every attribute whose meaning differs, by dotted path."""
    left, right = flattened(declared), flattened(live)
    return tuple(
        Delta(path, left.get(path), right.get(path))
        for path in sorted(left.keys() | right.keys())
        if _typed(left.get(path)) != _typed(right.get(path))
    )


def _typed(value: object) -> tuple[type, object]:
    return type(value), value  # Python alone takes `true` for `1`


def flattened(spec: object) -> dict[str, object]:
    """The attributes of a spec under dotted paths.

    Sets are sorted lists, times in UTC, key sets and constraints on arguments in one notation.
    """
    flat: dict[str, object] = {}
    for path, value in _leaves("", spec):
        flat[path] = (
            canonical_keys(value) if path in {"jwks", "client_jwks"} and isinstance(value, str) else plain_value(value)
        )
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


def _leaves(prefix: str, value: object) -> list[tuple[str, object]]:
    if isinstance(value, ArgumentConstraint):
        return [(prefix, canonical_constraint(value))]
    if isinstance(value, ToolPin):
        leaves = surface_leaves(value.approved).items()
        return [("justification", value.justification), *((f"surface{path}", leaf) for path, leaf in leaves)]
    if is_dataclass(value) and not isinstance(value, type):
        members = [(f.name, getattr(value, f.name)) for f in fields(value)]
    elif isinstance(value, Mapping):
        members = list(value.items())
    else:
        return [(prefix, value)]
    return [leaf for name, member in members for leaf in _leaves(f"{prefix}.{name}" if prefix else name, member)]
