"""Which element of the configuration and of the prior state belongs to which planned element."""

from __future__ import annotations

from leasehold_provider.protocol.diagnostics import Key
from leasehold_provider.protocol.schema import Nested

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeAlias

    from leasehold_provider.protocol.diagnostics import Step
    from leasehold_provider.protocol.schema import Block, Fields

    Values = dict[str, Any]
    Element: TypeAlias = "tuple[Values, Values, Values | None]"
    """Planned, configured (empty if there is none) and prior (None if it is new)."""


def inner_fields(fields: Fields) -> Iterator[tuple[str, Nested | Block]]:
    """Yield everything with fields of its own: nested attributes and blocks."""
    for name, attribute in fields.attributes.items():
        if isinstance(attribute, Nested):
            yield name, attribute
    yield from fields.blocks.items()


def aligned(inner: Nested | Block, planned: Any, config: Any, prior: Any) -> Iterator[Element]:
    """Yield the planned elements with what belongs to them; nothing for null and unknown."""
    if inner.nesting in ("single", "group"):
        if isinstance(planned, dict):
            yield planned, _object(config), prior if isinstance(prior, dict) else None
    elif inner.nesting == "map":
        yield from _aligned_map(planned, config, prior)
    elif inner.nesting == "list":
        yield from _aligned_list(planned, config, prior)
    else:
        yield from _aligned_set(planned, config, prior)


def _aligned_map(planned: Any, config: Any, prior: Any) -> Iterator[Element]:
    for key, element in _object(planned).items():
        if isinstance(element, dict):
            before = _object(prior).get(key)
            yield element, _object(_object(config).get(key)), before if isinstance(before, dict) else None


def _aligned_list(planned: Any, config: Any, prior: Any) -> Iterator[Element]:
    given, before = _elements(config), _elements(prior)
    for index, element in enumerate(_elements(planned)):
        if isinstance(element, dict):
            yield (
                element,
                _object(given[index]) if index < len(given) else {},
                before[index] if index < len(before) and isinstance(before[index], dict) else None,
            )


def _aligned_set(planned: Any, config: Any, prior: Any) -> Iterator[Element]:
    """Elements of a set have no name: Terraform matched them by what is configured, so do we."""
    given = [item for item in _elements(config) if isinstance(item, dict)]
    before = [item for item in _elements(prior) if isinstance(item, dict)]
    for element in _elements(planned):
        if isinstance(element, dict):
            fitting = [item for item in given if _configures(item, element)]
            source = max(fitting, key=_weight, default={})
            yield element, source, next((item for item in before if _configures(source, item)), None)


def _configures(config: Any, value: Any) -> bool:
    """Tell whether a value can have come from this configuration: equal wherever it is not null."""
    if config is None:
        return True
    if isinstance(config, dict) and isinstance(value, dict):
        return all(_configures(item, value.get(name)) for name, item in config.items())
    return bool(config == value)


def _weight(config: Values) -> int:
    return sum(1 for item in config.values() if item is not None)


def _object(value: Any) -> Values:
    return value if isinstance(value, dict) else {}


def _elements(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def element_steps(inner: Nested | Block, value: Any) -> Iterator[tuple[tuple[Step, ...], Values]]:
    """Yield the elements of a value with the path that leads to each; elements of a set share the set's path."""
    if inner.nesting in ("single", "group"):
        if isinstance(value, dict):
            yield (), value
    elif inner.nesting == "map":
        yield from (((Key(key),), item) for key, item in _object(value).items() if isinstance(item, dict))
    elif inner.nesting == "list":
        yield from (((index,), item) for index, item in enumerate(_elements(value)) if isinstance(item, dict))
    else:
        yield from (((), item) for item in _elements(value) if isinstance(item, dict))
