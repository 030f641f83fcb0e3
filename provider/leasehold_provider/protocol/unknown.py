"""The value Terraform does not know yet, and what it knows about it all the same."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, NoReturn, TypeGuard


class Refinement:
    """What a later known value will obey: not null, a string prefix, bounds of a number or of a length."""

    __slots__ = ("length_max", "length_min", "not_null", "number_max", "number_min", "string_prefix")

    def __init__(self) -> None:
        self.not_null = False
        self.string_prefix = ""
        self.number_min: tuple[Any, bool] | None = None
        """Lower bound and whether it is inclusive."""
        self.number_max: tuple[Any, bool] | None = None
        self.length_min = 0
        self.length_max: int | None = None


class Unknown:
    """A value that will only be known at apply. Compares equal to any other unknown; is no condition."""

    __slots__ = ("refinement",)

    def __init__(self, refinement: Refinement | None = None) -> None:
        self.refinement = refinement

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unknown)

    def __hash__(self) -> int:
        return hash(Unknown)

    def __bool__(self) -> NoReturn:
        raise TypeError("an unknown value is no condition; ask is_unknown() first")


UNKNOWN: Final = Unknown()


def is_unknown(value: object) -> TypeGuard[Unknown]:
    """Tell whether Terraform does not know this value yet (a list or dict may still hold unknowns inside)."""
    return isinstance(value, Unknown)
