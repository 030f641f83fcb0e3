"""What stacks declare, out of the bodies of `POST /v1/drift` and `POST /v1/plan-reviews`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from leasehold.model.directory import Relation
from leasehold.model.errors import FieldError, InvalidBody, InvalidValue
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.names import check_name
from leasehold.model.objects import SPECS
from leasehold.review.declared import NAMED_AFTER, RESOURCE_KINDS, Declared, DeclaredObject
from leasehold.review.findings import Unproven
from leasehold.web.bodies import Json, parse_as

REVIEW_LIMIT = 16 * 1024 * 1024  # bytes: some 50,000 resources
_STRICT: dict[str, object] = {"extra": "forbid"}
_NAMED_BY_SPEC = frozenset({Kind.GRANTS, Kind.RELATIONS})  # an edge is called by what it says
_OF_TERRAFORM = frozenset({"id", "name", "revision"})  # what every resource carries beside its spec
_COMPUTED = {
    Kind.DEPLOYMENTS: frozenset({"epoch"}),
    Kind.GRANT_SETS: frozenset({"agent", "revokes"}),
    Kind.TOOL_PINS: frozenset({"tool_server", "digest"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredResource:
    """One `leasehold_*` resource of a state or plan. `unknown` names attributes not known yet, or withheld."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    type: str
    address: str
    values: dict[str, Any]  # Any: attributes of every type; each is parsed as its noun below
    unknown: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredStack:
    """The resources of one stack."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    stack: str
    resources: tuple[DeclaredResource, ...]

    def __post_init__(self) -> None:
        check_name(self.stack, "stack")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewBody:
    """The stacks to review together."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    stacks: tuple[DeclaredStack, ...]

    def __post_init__(self) -> None:
        names = [one.stack for one in self.stacks]
        if not names or len(set(names)) != len(names):
            raise InvalidValue("stacks must hold at least one stack, each once")


def parse_declared(body: Json) -> Declared:
    """What the stacks of a body declare. Raises `InvalidBody` with the path to what is wrong."""
    parsed = parse_as(ReviewBody, body)
    objects: list[DeclaredObject] = []
    unproven: list[Unproven] = []
    keys: set[tuple[Kind, str]] = set()
    for resource, stack, path in _resources(parsed):
        kind = _kind(resource, path)
        if missing := _unknown(kind, resource):
            unproven.append(Unproven(resource.address, stack, missing))
            keys |= {(kind, name) for name in [_name(kind, resource.values)] if name is not None}
        else:
            objects.append(_object(kind, resource, stack, path))
    stacks = frozenset(one.stack for one in parsed.stacks)
    return Declared(stacks, tuple(objects), tuple(unproven), frozenset(keys))


def _resources(body: ReviewBody) -> Iterator[tuple[DeclaredResource, str, str]]:
    for at, stack in enumerate(body.stacks):
        for index, resource in enumerate(stack.resources):
            yield resource, stack.stack, f"stacks.{at}.resources.{index}"


def _kind(resource: DeclaredResource, path: str) -> Kind:
    kind = RESOURCE_KINDS.get(resource.type)
    if kind is None:
        raise InvalidBody([FieldError(f"{path}.type", f"`{resource.type[:100]}` is no resource type of Leasehold")])
    return kind


def _unknown(kind: Kind, resource: DeclaredResource) -> tuple[str, ...]:
    """The attributes that matter to access and that we cannot see; computed ones do not."""
    named = set() if kind in _NAMED_BY_SPEC else {NAMED_AFTER.get(kind, "name")}
    known = {f.name for f in fields(SPECS[kind])} | named
    return tuple(sorted(resource.unknown & known))


def _name(kind: Kind, values: Json) -> str | None:
    name = values.get(NAMED_AFTER.get(kind, "name"))
    return name if isinstance(name, str) else None


def _object(kind: Kind, resource: DeclaredResource, stack: str, path: str) -> DeclaredObject:
    left_out = _OF_TERRAFORM | _COMPUTED.get(kind, frozenset())
    given = {key: value for key, value in resource.values.items() if key not in left_out}
    spec = parse_as(SPECS[kind], _without_nulls(given), f"{path}.values")
    name = spec.id if isinstance(spec, Grant | Relation) else _name(kind, resource.values)
    if name is None:
        raise InvalidBody([FieldError(f"{path}.values", f"`{resource.address[:200]}` has no name")])
    return DeclaredObject(kind, name, spec, resource.address, stack)


def _without_nulls(values: Json) -> Json:
    """Terraform writes null where an attribute is not set; the model's defaults stand for that."""
    return {key: _set(value) for key, value in values.items() if value is not None}


def _set(value: Any) -> Any:  # Any: an attribute of every type
    if isinstance(value, list):
        return [_set(one) for one in value]
    return _without_nulls(value) if isinstance(value, dict) else value
