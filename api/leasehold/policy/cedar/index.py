"""Which policies can have a say: by who asks and what for. Whatever else they look at, they say in conditions.

An index is never changed. Other policies, or another hierarchy of entities, are another index: nothing can go stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from cedarpy import pst

from leasehold.model.entities import EntityRef

T = TypeVar("T")
Scope: TypeAlias = tuple[object, ...]
"""What a scope asks for: `()` nothing, `("=", ref)`, `("in", ref)`, `("is", type)`, `("is in", type, ref)`."""
ANY: Scope = ()


class Scoped(NamedTuple, Generic[T]):
    """A policy under what its scope asks of the principal, and of the action: any one of several."""

    policy: T
    principal: Scope
    actions: tuple[Scope, ...]


class Index(Generic[T]):
    """Policies by scope. `slice_of` is exact: no policy too many, none missing."""

    def __init__(self, scoped: Iterable[Scoped[T]]) -> None:
        self._by_principal: dict[Scope, list[Scoped[T]]] = {}
        for one in scoped:
            self._by_principal.setdefault(one.principal, []).append(one)
        self._by_action: dict[Scope, list[int]] = {}
        self._in_order = [one for every in self._by_principal.values() for one in every]
        for at, one in enumerate(self._in_order):
            for scope in one.actions:
                self._by_action.setdefault(scope, []).append(at)
        self.named = frozenset(part for scope in self._by_principal for part in scope if isinstance(part, EntityRef))

    def keys_of(self, principal: EntityRef, ancestors: frozenset[EntityRef]) -> tuple[Scope, ...]:
        """The principal's scopes that some policy asks for. Principals with the same keys have the same slices."""
        return tuple(key for key in principal_scopes(principal, ancestors) if key in self._by_principal)

    def slice_of(self, keys: Iterable[Scope], action: EntityRef, groups: frozenset[EntityRef]) -> tuple[T, ...]:
        """Every policy whose scope holds of a principal with these keys, and of the action."""
        asked = frozenset(action_scopes(action, groups))
        candidates = (one for key in keys for one in self._by_principal[key])
        return tuple(one.policy for one in candidates if not asked.isdisjoint(one.actions))

    def about(self, action: EntityRef, groups: frozenset[EntityRef]) -> Iterator[Scoped[T]]:
        """Every policy that could speak about the action, whoever asks."""
        asked = frozenset(action_scopes(action, groups))
        places = {at for scope in asked for at in self._by_action.get(scope, ())}
        return (self._in_order[at] for at in sorted(places))


def principal_scopes(principal: EntityRef, ancestors: frozenset[EntityRef]) -> Iterator[Scope]:
    """Every scope that holds of the principal. It is in itself."""
    yield ANY
    yield "=", principal
    yield "is", principal.type
    for one in (principal, *sorted(ancestors - {principal})):
        yield "in", one
        yield "is in", principal.type, one


def action_scopes(action: EntityRef, groups: frozenset[EntityRef]) -> Iterator[Scope]:
    """Every scope that holds of the action."""
    yield ANY
    yield "=", action
    for one in (action, *groups):
        yield "in", one


def scoped(policy: T, template: pst.Template) -> Scoped[T]:
    """The policy under its scope."""
    return Scoped(policy, scope_of(template.principal), tuple(_actions(template.action)))


def scope_of(scope: pst.PrincipalOrResourceConstraint) -> Scope:
    """What a scope asks of the principal or the resource."""
    match scope:
        case pst.ScopeEq(entity):
            return "=", ref_of(entity)
        case pst.ScopeIn(entity):
            return "in", ref_of(entity)
        case pst.ScopeIs(type_):
            return "is", str(type_)
        case pst.ScopeIsIn(type_, entity):
            return "is in", str(type_), ref_of(entity)
        case _:
            return ANY


def ref_of(entity: pst.EntityOrSlot) -> EntityRef:
    """The entity that a policy names. Templates were refused long before."""
    assert isinstance(entity, pst.EntityUid)  # noqa: S101  `statements` lets no slot in
    return EntityRef(str(entity.type), entity.id)


def uid_of(ref: EntityRef) -> pst.EntityUid:
    """The entity as a policy names it."""
    *namespace, name = ref.type.split("::")
    return pst.EntityUid(pst.EntityType(name, tuple(namespace)), ref.id)


def _actions(scope: pst.ActionConstraint) -> Iterator[Scope]:
    match scope:
        case pst.ActionEq(entity):
            yield "=", ref_of(entity)
        case pst.ActionIn(entities):
            for entity in entities:
                yield "in", ref_of(entity)
        case _:
            yield ANY
