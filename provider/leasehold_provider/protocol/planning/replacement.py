"""Which changes an object cannot take in place."""

from __future__ import annotations

from leasehold_provider.protocol.diagnostics import Key
from leasehold_provider.protocol.schema import Nested
from leasehold_provider.protocol.unknown import is_unknown

from .alignment import inner_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from leasehold_provider.protocol.diagnostics import Step
    from leasehold_provider.protocol.schema import Block, Fields

    Values = dict[str, Any]
    Path = tuple[Step, ...]


def replaced_paths(fields: Fields, prior: Values, planned: Values, config: Values, path: Path = ()) -> Iterator[Path]:
    """Yield the paths of changed attributes that require replacement, at every depth.

    A computed value that this very change made unknown is no reason: only the user's own wish is.
    """
    whole = set()
    for name, attribute in fields.attributes.items():
        ours = config.get(name) is None and is_unknown(planned.get(name))
        if attribute.requires_replace and not ours and _differ(attribute.type, prior.get(name), planned.get(name)):
            whole.add(name)
            yield (*path, name)
    for name, inner in inner_fields(fields):
        if name not in whole and _has_flag(inner):
            yield from _inside(inner, prior.get(name), planned.get(name), config.get(name), (*path, name))


def _inside(inner: Nested | Block, prior: Any, planned: Any, config: Any, path: Path) -> Iterator[Path]:
    if is_unknown(planned):
        if config is not None and prior is not None:
            yield path
    elif inner.nesting == "set":
        if _flagged(inner, prior) != _flagged(inner, planned):
            yield path
    elif inner.nesting in ("single", "group"):
        yield from replaced_paths(inner, prior or {}, planned or {}, _object(config), path)
    else:
        before, after, given = _named(prior), _named(planned), _named(config)
        for step in {**before, **after}:
            elements = (_object(before.get(step)), _object(after.get(step)), _object(given.get(step)))
            yield from replaced_paths(inner, *elements, (*path, step))


def _has_flag(inner: Nested | Block) -> bool:
    return any(item.requires_replace for item in inner.attributes.values()) or any(
        _has_flag(deeper) for _, deeper in inner_fields(inner)
    )


def _flagged(inner: Nested | Block, elements: Any) -> list[bytes]:
    """Return what matters of a set's elements, comparable in any order: elements of a set have no path."""
    return sorted(_flagged_bytes(inner, element) for element in elements or () if isinstance(element, dict))


def _flagged_bytes(inner: Nested | Block, element: Values) -> bytes:
    parts = [item.type.pack(element.get(name)) for name, item in inner.attributes.items() if item.requires_replace]
    for name, deeper in inner_fields(inner):
        value = element.get(name)
        parts += _flagged(deeper, [value] if isinstance(value, dict) else value)
    return b"".join(parts)


def _named(value: Any) -> dict[Step, Any]:
    if isinstance(value, dict):
        return {Key(key): item for key, item in value.items()}
    return dict(enumerate(value)) if isinstance(value, list) else {}


def _object(value: Any) -> Values:
    return value if isinstance(value, dict) else {}


def _differ(kind: Any, prior: Any, planned: Any) -> bool:
    return bool(kind.pack(prior) != kind.pack(planned))
