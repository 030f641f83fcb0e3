"""What stacks declare, out of the bodies of `POST /v1/drift`, `/v1/plan-reviews` and `/v1/plan-comparisons`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

from leasehold.model.directory import Relation
from leasehold.model.errors import FieldError, InvalidBody, InvalidValue
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.names import check_name
from leasehold.model.objects import SPECS
from leasehold.model.policies import Policy
from leasehold.model.receipts import Bundle, parse_proof
from leasehold.review.comparing import Side, Sides
from leasehold.review.declared import NAMED_AFTER, RESOURCE_KINDS, Declared, DeclaredObject
from leasehold.review.findings import Unproven
from leasehold.review.gate.delta import outline
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
    """One `leasehold_*` resource of a state or plan. `unknown` names attributes not known yet, or withheld.

    `references`, of an exclusive set whose `grants` are not known yet: the addresses of those grants in the same stack.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    type: str
    address: str
    values: dict[str, Any]  # Any: attributes of every type; each is parsed as its noun below
    unknown: frozenset[str] = frozenset()
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedResource:
    """One `leasehold_*` resource that a plan takes away, by its id."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    type: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredStack:
    """The resources of one stack. `removes`, if somebody says: what its plan takes away, and nothing else."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    stack: str
    resources: tuple[DeclaredResource, ...]
    removes: tuple[RemovedResource, ...] | None = None

    def __post_init__(self) -> None:
        check_name(self.stack, "stack")


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBody:
    """One side of a comparison: stacks, and revisions of policies by name."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    stacks: tuple[DeclaredStack, ...] = ()
    policies: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [one.stack for one in self.stacks]
        if len(set(names)) != len(names):
            raise InvalidValue("each stack stands there once")
        for name, revision in self.policies.items():
            check_name(name, "policy")
            if revision < 1:
                raise InvalidValue("revisions of policies count from 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonBody:
    """The two versions to compare."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    base: SideBody
    head: SideBody

    def __post_init__(self) -> None:
        if {one.stack for one in self.base.stacks} != {one.stack for one in self.head.stacks}:
            raise InvalidValue("base and head must hold the same stacks")
        if not (self.base.stacks or self.base.policies or self.head.policies):
            raise InvalidValue("base and head must hold a stack or a policy")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewBody:
    """The stacks to review together."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    stacks: tuple[DeclaredStack, ...]

    def __post_init__(self) -> None:
        names = [one.stack for one in self.stacks]
        if not names or len(set(names)) != len(names):
            raise InvalidValue("stacks must hold at least one stack, each once")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownReceipt:
    """The receipt of an earlier review: its token, and the proofs of its objects by `kind/name`."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    token: str
    objects: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for proof in self.objects.values():
            parse_proof(proof)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReviewBody(ReviewBody):
    """The plans to review together, the receipt that is to be shown when they are applied, and the base branch.

    `base`: what the same stacks declare there.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    receipt: ShownReceipt | None = None
    base: tuple[DeclaredStack, ...] | None = None

    def __post_init__(self) -> None:
        ReviewBody.__post_init__(self)
        if self.base is not None and sorted(one.stack for one in self.base) != sorted(one.stack for one in self.stacks):
            raise InvalidValue("base must hold the same stacks as the plans, each once")


@dataclass(frozen=True, slots=True)
class Plans:
    """What plans declare, what the base branch does, and the receipt that is shown with them."""

    declared: Declared
    base: Declared | None
    bundle: Bundle | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageBody(ReviewBody):
    """Some objects of plans as they would be, those that would be `gone`, by kind, and the receipt to be shown."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    receipt: ShownReceipt
    gone: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)


def parse_coverage(body: Json) -> tuple[Declared, tuple[tuple[Kind, str], ...], Bundle]:
    """What part of plans changes, and the receipt that is shown with it. Raises `InvalidBody`."""
    parsed = parse_as(CoverageBody, body)
    gone = tuple((kind, name) for kind, names in sorted(parsed.gone.items()) for name in names)
    return _declared(parsed.stacks, "stacks"), gone, Bundle(parsed.receipt.token, parsed.receipt.objects)


def parse_plan(body: Json) -> Plans:
    """What is to be reviewed. Raises `InvalidBody`."""
    parsed = parse_as(PlanReviewBody, body)
    shown = parsed.receipt
    return Plans(
        declared=_declared(parsed.stacks, "stacks"),
        base=_declared(parsed.base, "base") if parsed.base is not None else None,
        bundle=Bundle(shown.token, shown.objects) if shown is not None else None,
    )


def parse_declared(body: Json) -> Declared:
    """What the stacks of a body declare. Raises `InvalidBody` with the path to what is wrong."""
    return _declared(parse_as(ReviewBody, body).stacks, "stacks")


def parse_comparison(body: Json, policy_at: Callable[[str, int], Mapping[str, object]]) -> Sides:
    """Both sides of a comparison; `policy_at` finds the plain form of a policy's revision."""
    parsed = parse_as(ComparisonBody, body)
    sides = (("base", parsed.base), ("head", parsed.head))
    base, head = (Side(_declared(one.stacks, f"{at}.stacks"), _policies(one, policy_at)) for at, one in sides)
    return Sides(base, head)


def _policies(side: SideBody, policy_at: Callable[[str, int], Mapping[str, object]]) -> Mapping[str, Policy]:
    return {
        name: parse_as(Policy, _without_nulls(dict(policy_at(name, revision))))
        for name, revision in side.policies.items()
    }


def _declared(stacks: tuple[DeclaredStack, ...], where: str) -> Declared:
    objects: list[DeclaredObject] = []
    unproven: list[Unproven] = []
    keys: set[tuple[Kind, str]] = set()
    outlines: list[tuple[str, str]] = []
    sets: list[tuple[DeclaredResource, str, str]] = []
    for resource, stack, path in _resources(stacks, where):
        kind = _kind(resource, path)
        if resource.references:
            sets.append((resource, stack, path))
        elif missing := _unknown(kind, resource):
            unproven.append(Unproven(resource.address, stack, missing))
            keys |= {(kind, name) for name in [_name(kind, resource.values)] if name is not None}
            outlines.append(_outline(kind, resource, missing))
        else:
            objects.append(_object(kind, resource, stack, path))
    for resource, stack, path in sets:
        resolved = _resolved(resource, stack, objects, path)
        if resolved is None:
            unproven.append(Unproven(resource.address, stack, ("grants",)))
            keys |= {(Kind.GRANT_SETS, name) for name in [_name(Kind.GRANT_SETS, resource.values)] if name is not None}
            outlines.append(_outline(Kind.GRANT_SETS, resource, ("grants",)))
        else:
            objects.append(_object(Kind.GRANT_SETS, resolved, stack, path))
    names = frozenset(one.stack for one in stacks)
    return Declared(names, tuple(objects), tuple(unproven), frozenset(keys), tuple(outlines), _removed(stacks, where))


def _removed(stacks: tuple[DeclaredStack, ...], where: str) -> Mapping[str, frozenset[tuple[Kind, str]]]:
    said = {f"{where}.{at}.removes": one for at, one in enumerate(stacks) if one.removes is not None}
    return {
        one.stack: frozenset((_kind(gone, f"{path}.{index}"), gone.id) for index, gone in enumerate(one.removes or ()))
        for path, one in said.items()
    }


def _outline(kind: Kind, resource: DeclaredResource, missing: tuple[str, ...]) -> tuple[str, str]:
    left_out = _OF_TERRAFORM | _COMPUTED.get(kind, frozenset()) | resource.unknown
    known = {key: value for key, value in resource.values.items() if key not in left_out}
    return outline(kind, _name(kind, resource.values), {"known": known, "missing": sorted(missing)})


def _resolved(
    resource: DeclaredResource, stack: str, objects: list[DeclaredObject], path: str
) -> DeclaredResource | None:
    """An exclusive set with the names of the grants that it refers to; None if one of them, or more, is not known."""
    if _kind(resource, path) is not Kind.GRANT_SETS or set(resource.references) != {"grants"}:
        raise InvalidBody([FieldError(f"{path}.references", "only `grants` of an exclusive set refer to others")])
    known = {one.address: one.name for one in objects if one.stack == stack and one.kind is Kind.GRANTS}
    wanted = resource.references["grants"]
    given = resource.values.get("grants") or []
    if not known.keys() >= set(wanted) or resource.unknown or not isinstance(given, list):
        return None
    return replace(resource, values={**resource.values, "grants": [*given, *(known[one] for one in wanted)]})


def _resources(stacks: tuple[DeclaredStack, ...], where: str) -> Iterator[tuple[DeclaredResource, str, str]]:
    for at, stack in enumerate(stacks):
        for index, resource in enumerate(stack.resources):
            yield resource, stack.stack, f"{where}.{at}.resources.{index}"


def _kind(resource: DeclaredResource | RemovedResource, path: str) -> Kind:
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
