"""What a resource looks like: attributes, nested attributes, blocks, and how each of them behaves in a plan."""

from __future__ import annotations

from .cty import List, Map, Object, Set

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, TypeAlias

    from .cty import Type

    Validator = Callable[[Any], str | None]
    """Return what is wrong with a known, non-null value, or None; a DiagnosticError may carry a path below it."""
    AnyAttribute: TypeAlias = "Attribute | Nested"
    Fields: TypeAlias = "Schema | Block | Nested"
    """Whatever has attributes and blocks of its own."""

NESTINGS = {"single": 1, "list": 2, "set": 3, "map": 4}
BLOCK_NESTINGS = {"single": 1, "list": 2, "set": 3, "map": 4, "group": 5}


class _Behaviour:
    """The flags that attributes of every shape share."""

    __slots__ = (
        "computed", "default", "deprecated", "description", "keep_prior", "optional", "required", "requires_replace",
        "sensitive", "validators", "write_only",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 -- a keyword per flag is the interface
        self,
        *,
        required: bool = False,
        optional: bool = False,
        computed: bool = False,
        sensitive: bool = False,
        write_only: bool = False,
        default: Any = None,
        requires_replace: bool = False,
        keep_prior: bool = False,
        validators: Sequence[Validator] = (),
        description: str = "",
        deprecated: str = "",
    ) -> None:
        self.required = required
        self.optional = optional or (default is not None and not required)
        self.computed = computed or default is not None
        self.sensitive = sensitive
        self.write_only = write_only
        self.default = default
        self.requires_replace = requires_replace
        self.keep_prior = keep_prior
        self.validators = tuple(validators)
        self.description = description
        self.deprecated = deprecated
        self._check()

    def _check(self) -> None:
        if not (self.required or self.optional or self.computed):
            raise ValueError("an attribute is required, optional or computed")
        if self.required and (self.optional or self.computed):
            raise ValueError("a required attribute is neither optional nor computed and has no default")
        if self.write_only and self.computed:
            raise ValueError("a write-only attribute is never computed and has no default")
        if self.keep_prior and (not self.computed or self.default is not None):
            raise ValueError("keep_prior is for computed attributes without a default")


class Attribute(_Behaviour):
    """An attribute of a plain type.

    * `default`: used when the configuration leaves it out (makes it optional and computed).
    * `requires_replace`: a changed value destroys and recreates the object.
    * `keep_prior`: an update does not make this computed value unknown again (an id, a creation time).
    * `write_only`: reaches `create` and `update` through `config` alone and is null everywhere else.
    * `validators`: each gets the known, non-null value and returns a complaint or None.
    * `deprecated`: what to use instead, shown as a warning by Terraform.
    """

    __slots__ = ("type",)

    def __init__(self, type: Type, **behaviour: Any) -> None:  # noqa: A002 -- HCL's word for it
        super().__init__(**behaviour)
        self.type: Type = type


class Nested(_Behaviour):
    """An attribute that holds an object, or a list, set or map of objects, with attributes of their own.

    Flags mean the same as on `Attribute`, and the inner attributes' own flags are obeyed at every depth.
    Inside a set there is no write-only attribute and nothing dynamic (Terraform's own rule).
    """

    __slots__ = ("attributes", "blocks", "nesting", "type")

    def __init__(self, attributes: Mapping[str, AnyAttribute], nesting: str = "single", **behaviour: Any) -> None:
        super().__init__(**behaviour)
        self.attributes = dict(attributes)
        self.blocks: dict[str, Block] = {}
        self.nesting = nesting
        if nesting not in NESTINGS:
            raise ValueError(f"nesting is one of {', '.join(NESTINGS)}, not {nesting!r}")
        self.type: Type = _nest(Object({name: inner.type for name, inner in self.attributes.items()}), nesting)
        if nesting == "set" and _has_write_only(self.attributes.values()):
            raise ValueError("a set has no write-only attributes")


class Block:
    """A nested block, HCL's older shape; `single` is an object or null, `group` an object that is always there."""

    __slots__ = ("attributes", "blocks", "description", "max_items", "min_items", "nesting", "type")

    def __init__(
        self,
        attributes: Mapping[str, AnyAttribute],
        nesting: str = "list",
        *,
        blocks: Mapping[str, Block] | None = None,
        min_items: int = 0,
        max_items: int = 0,
        description: str = "",
    ) -> None:
        self.attributes = dict(attributes)
        self.blocks = dict(blocks or {})
        self.nesting = nesting
        self.min_items = min_items
        self.max_items = max_items
        self.description = description
        if nesting not in BLOCK_NESTINGS:
            raise ValueError(f"nesting is one of {', '.join(BLOCK_NESTINGS)}, not {nesting!r}")
        self.type: Type = _nest(_object_of(self.attributes, self.blocks), nesting)


class Schema:
    """The shape of a resource, a data source, an ephemeral resource, a list's filter or the provider itself."""

    __slots__ = ("attributes", "blocks", "deprecated", "description", "type", "version")

    def __init__(
        self,
        attributes: Mapping[str, AnyAttribute],
        *,
        version: int = 0,
        description: str = "",
        blocks: Mapping[str, Block] | None = None,
        deprecated: str = "",
    ) -> None:
        self.attributes = dict(attributes)
        self.blocks = dict(blocks or {})
        self.version = version
        self.description = description
        self.deprecated = deprecated
        self.type: Object = _object_of(self.attributes, self.blocks)


class IdentityAttribute:
    """One attribute of a resource's identity, the small key an object is imported by (Terraform 1.12 and later)."""

    __slots__ = ("description", "optional_for_import", "type")

    def __init__(self, type: Type, *, optional_for_import: bool = False, description: str = "") -> None:  # noqa: A002
        self.type: Type = type
        self.optional_for_import = optional_for_import
        self.description = description


def _object_of(attributes: Mapping[str, AnyAttribute], blocks: Mapping[str, Block]) -> Object:
    clash = attributes.keys() & blocks.keys()
    if clash:
        raise ValueError(f"attribute and block of the same name: {', '.join(sorted(clash))}")
    return Object({name: item.type for name, item in (*attributes.items(), *blocks.items())})


def _nest(element: Object, nesting: str) -> Type:
    if nesting in ("single", "group"):
        return element
    if element.has_dynamic:
        raise ValueError(f"a {nesting} of objects holds nothing dynamic")
    kinds: Mapping[str, Callable[[Type], Type]] = {"list": List, "set": Set, "map": Map}
    return kinds[nesting](element)


def _has_write_only(attributes: Iterable[AnyAttribute]) -> bool:
    return any(
        item.write_only or (isinstance(item, Nested) and _has_write_only(item.attributes.values()))
        for item in attributes
    )
