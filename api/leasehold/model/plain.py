"""The one plain form of a noun: JSON values, sets sorted, times in UTC. What is stored, compared, shown and hashed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any


def plain(noun: object) -> dict[str, Any]:  # Any: JSON values of every shape
    """The JSON object of a dataclass of this room, defaults filled in."""
    return {f.name: plain_value(getattr(noun, f.name)) for f in fields(noun)}  # type: ignore[arg-type]  # any dataclass


def plain_value(value: object) -> Any:  # noqa: PLR0911  one arm per shape; Any: as above
    """The JSON value of one attribute."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, frozenset | tuple | list):
        items = [plain_value(one) for one in value]
        return sorted(items) if isinstance(value, frozenset) else items
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain_value(value[key]) for key in sorted(value)}
    if is_dataclass(value):
        return plain(value)
    raise TypeError(f"no plain form for {type(value).__name__}")


def rfc3339(moment: datetime) -> str:
    """An aware time as RFC 3339 in UTC with `Z`: two spellings of one instant become one text."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
