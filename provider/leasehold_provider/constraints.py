"""`constraints` of grants and scopes: the attribute, and what can be told of it before the registry is asked.

What constraints mean stands in `algebra`, which is loaded only where there are some.
"""

from __future__ import annotations

from .protocol import Attribute, Bool, DiagnosticError, Key, Nested, Number, Set, String, is_unknown
from .protocol.cty import contains_unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from .protocol import PlanContext

_ARGUMENTS_LIMIT = 16
_NAME_LIMIT = 128
_TEXT_LIMIT = 256
_VALUES_LIMIT = 64
_ALTERNATIVES_LIMIT = 16
_DIGITS_LIMIT = 15
_FORMS = ("one_of", "prefixes", "globs", "numbers", "boolean")
_SETS = {
    "one_of": _VALUES_LIMIT,
    "numbers": _VALUES_LIMIT,
    "prefixes": _ALTERNATIVES_LIMIT,
    "globs": _ALTERNATIVES_LIMIT,
}


def constraints_block(description: str, *, requires_replace: bool = False) -> Nested:
    """Return the constraints, by name of the argument."""
    return Nested(
        {
            "one_of": Attribute(Set(String), default=[], description="One of these texts."),
            "prefixes": Attribute(Set(String), default=[], description="A text that begins with one of these."),
            "globs": Attribute(
                Set(String),
                default=[],
                description="A text of one of these patterns; `*` stands for any run of characters.",
            ),
            "numbers": Attribute(Set(Number), default=[], description="One of these numbers; a text is none."),
            "boolean": Attribute(Bool, optional=True, description="True or false; a text is neither."),
            "min": Attribute(Number, optional=True, description="A number not below this."),
            "max": Attribute(Number, optional=True, description="A number not above this."),
        },
        nesting="map",
        default={},
        requires_replace=requires_replace,
        validators=(check_constraints,),
        description=description,
    )


def check_constraints(constraints: Mapping[str, object]) -> str | None:
    """Complain about too many arguments, about a name that not everybody reads alike, and about their constraints."""
    if len(constraints) > _ARGUMENTS_LIMIT:
        return f"constraints name at most {_ARGUMENTS_LIMIT} arguments"
    for name, constraint in constraints.items():
        complaint = _check_name(name)
        if complaint is None and not is_unknown(constraint):
            complaint = _check_form(constraint) if isinstance(constraint, dict) else "a constraint must not be null"
        if complaint is not None:
            raise DiagnosticError("Invalid constraint", complaint, (Key(name),))
    return _check_product(constraints)


def _check_product(constraints: Mapping[str, Any]) -> str | None:
    count = 1
    for constraint in constraints.values():
        for form in ("prefixes", "globs"):
            given = {} if is_unknown(constraint) else constraint.get(form)
            count *= 1 if is_unknown(given) or not given else len(given)
    if count > _ALTERNATIVES_LIMIT:
        return f"prefixes and globs of all arguments come to more than {_ALTERNATIVES_LIMIT} combinations"
    return None


def _check_name(name: str) -> str | None:
    if not 0 < len(name) <= _NAME_LIMIT or not name.isprintable():
        return f"an argument is named by 1 to {_NAME_LIMIT} printable characters"
    if not name.isascii():
        import unicodedata  # noqa: PLC0415 -- names in ASCII are the rule

        if not unicodedata.is_normalized("NFKC", name):
            return "an argument's name must be in Unicode's normal form (NFKC)"
    return None


def _check_form(constraint: Mapping[str, Any]) -> str | None:
    given = [form for form in _FORMS if constraint.get(form) not in (None, [])]
    low, high = constraint.get("min"), constraint.get("max")
    if low is not None or high is not None:
        given.append("min and max")
    if len(given) != 1:
        return f"give exactly one of {', '.join(_FORMS)}, or min and max"
    for form, limit in _SETS.items():
        complaint = _check_set(form, constraint.get(form), limit)
        if complaint is not None:
            return complaint
    return _check_range(low, high)


def _check_set(form: str, values: Any, limit: int) -> str | None:
    if is_unknown(values):
        return None
    if len(values or ()) > limit:
        return f"give at most {limit} {form}"
    check = _check_number if form == "numbers" else _check_text
    for value in values or ():
        complaint = "a value must not be null" if value is None else None if is_unknown(value) else check(value)
        if complaint is None and value == "" and form != "one_of":
            complaint = "must not be empty: it would admit any text"
        if complaint is not None:
            return f"{form}: {complaint}"
    return None


def _check_text(value: str) -> str | None:
    fits = len(value) <= _TEXT_LIMIT and value.isprintable()
    return None if fits else f"a text has at most {_TEXT_LIMIT} printable characters"


def _check_number(value: Any) -> str | None:
    if value.__class__ is int and -(10**_DIGITS_LIMIT) < value < 10**_DIGITS_LIMIT:
        return None
    from .algebra import check_digits  # noqa: PLC0415 -- short whole numbers are the rule

    return check_digits(value)


def _check_range(low: Any, high: Any) -> str | None:
    known = [end for end in (low, high) if end is not None and not is_unknown(end)]
    for end in known:
        complaint = _check_number(end)
        if complaint is not None:
            return complaint
    both = 2
    return "no number lies between: min exceeds max" if len(known) == both and known[0] > known[1] else None


def name_suffix(constraints: Mapping[str, Any] | None) -> str:
    """How a grant's name says its constraints; nothing for none."""
    if not constraints:
        return ""
    from .algebra import constraint_text  # noqa: PLC0415 -- most grants have none

    return constraint_text(constraints)


def same_constraints(one: object, other: object) -> bool:
    """True if both are equal, or mean the same."""
    if one == other:
        return True
    if not (isinstance(one, dict) and isinstance(other, dict)) or contains_unknown([one, other]):
        return False
    return name_suffix(one) == name_suffix(other)


def check_known(ctx: PlanContext, constraints: Any) -> None:
    """Say again, once all is known, what validation could not see."""
    if is_unknown(constraints) or constraints is None:
        return
    try:
        complaint = check_constraints(constraints)
    except DiagnosticError as error:
        complaint = error.diagnostic.detail
    if complaint is not None:
        ctx.error("Invalid constraint", complaint, ("constraints",))


def check_written(constraints: Mapping[str, Any]) -> str | None:
    """Complain about constraints that no schema has looked at: their shapes first."""
    for name, constraint in constraints.items():
        known = isinstance(constraint, dict) and constraint.keys() <= _SHAPES.keys()
        if not known or not all(one is None or _SHAPES[form](one) for form, one in constraint.items()):
            return f"`{name}`: a constraint has one_of, prefixes, globs, numbers, boolean, min and max"
    try:
        return check_constraints(constraints)
    except DiagnosticError as error:
        return error.diagnostic.detail


def _are_texts(values: Any) -> bool:
    return isinstance(values, (list, tuple)) and all(isinstance(value, str) for value in values)


def _is_number(value: Any) -> bool:
    return not isinstance(value, (bool, str, list, tuple, dict))


def _are_numbers(values: Any) -> bool:
    return isinstance(values, (list, tuple)) and all(map(_is_number, values))


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


_SHAPES: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("one_of", "prefixes", "globs"), _are_texts),
    "numbers": _are_numbers,
    "boolean": _is_flag,
    "min": _is_number,
    "max": _is_number,
}
