"""Attributes of users and resources: an object of any shape in HCL, typed values for policies in the registry."""

from __future__ import annotations

from .protocol import Attribute, DiagnosticError, Dynamic, DynamicValue, Key, contains_unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_I64 = 2**63
_NAME_LIMIT = 64
_ADVICE = 'must be a string, a bool, an integer, a set of strings, or an exact number as { decimal = "50.25" }'


def check_attributes(given: DynamicValue) -> str | None:
    """Complain about an attribute that policies have no type for, at the attribute."""
    if not isinstance(given.value, dict):
        return "must be an object"
    for name, value in given.value.items():
        if not 0 < len(name) <= _NAME_LIMIT or not name.isprintable() or name.startswith("__"):
            raise DiagnosticError(
                "Invalid attribute name", "must be 1-64 printable characters that do not start with `__`", (Key(name),)
            )
        if value is not None and not contains_unknown(value) and not _is_value(value):
            raise DiagnosticError("Invalid attribute", f"`{name}` {_ADVICE}", (Key(name),))
    return None


def attributes_attribute() -> Attribute:
    """Return the attribute that both resources have."""
    return Attribute(
        Dynamic,
        optional=True,
        validators=(check_attributes,),
        description=(
            "What policies may ask about it: an object of strings, bools, integers, sets of strings, and exact numbers "
            'as `{ decimal = "50.25" }`.'
        ),
    )


def plain_attributes(given: object) -> dict[str, Any]:
    """Return the attributes as the registry takes them."""
    value = given.value if isinstance(given, DynamicValue) else given
    if not isinstance(value, dict):
        return {}
    return {name: _plain(item) for name, item in value.items() if item is not None}


def same_attributes(one: object, other: object) -> bool:
    """True if both say the same: sets in any order, no attributes and an empty object, but not `true` and `1`."""
    if contains_unknown(one) or contains_unknown(other):
        return False
    return _canonical(one) == _canonical(other)


def dynamic_attributes(live: object) -> DynamicValue | None:
    """Return live attributes as a value of Terraform; none if there are none."""
    from .protocol.dynamic import infer_type  # noqa: PLC0415 -- needs JSON, and few resources have attributes

    return DynamicValue(infer_type(live), live) if live else None


def _canonical(given: object) -> str:
    import json  # noqa: PLC0415 -- as above

    return json.dumps(plain_attributes(given), sort_keys=True)


def _plain(value: Any) -> Any:  # Any: a value of HCL
    if isinstance(value, (list, tuple)):
        return sorted(value)
    return value


def _is_value(value: Any) -> bool:  # Any: as above
    if isinstance(value, dict):
        return value.keys() == {"decimal"} and isinstance(value["decimal"], str)
    if isinstance(value, (list, tuple)):
        return all(isinstance(item, str) for item in value) and len(set(value)) == len(value)
    return isinstance(value, (bool, str)) or (isinstance(value, int) and -_I64 <= value < _I64)
