"""Checks of a configuration that the schema alone asks for."""

from __future__ import annotations

from .diagnostics import Diagnostic, DiagnosticError
from .planning.alignment import element_steps, inner_fields
from .unknown import is_unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .diagnostics import Step
    from .schema import AnyAttribute, Fields

    Values = dict[str, Any]
    Path = tuple[Step, ...]


def check_validators(fields: Fields, config: Values, path: Path = ()) -> Iterator[Diagnostic]:
    """Yield what the validators object to, at every depth; null and unknown values are not asked about."""
    for name, attribute in fields.attributes.items():
        value = config.get(name)
        if value is not None and not is_unknown(value):
            yield from _complaints(attribute, value, (*path, name))
    for name, inner in inner_fields(fields):
        for steps, element in element_steps(inner, config.get(name)):
            yield from check_validators(inner, element, (*path, name, *steps))


def _complaints(attribute: AnyAttribute, value: Any, path: Path) -> Iterator[Diagnostic]:
    for validator in attribute.validators:
        try:
            complaint = validator(value)
        except DiagnosticError as error:
            yield error.diagnostic.under(path)
        else:
            if complaint:
                yield Diagnostic.error("Invalid attribute value", complaint, path)


def check_no_write_only(fields: Fields, config: Values, path: Path = ()) -> Iterator[Diagnostic]:
    """Yield an error for each write-only attribute in use: this Terraform would store it in its state."""
    for name, attribute in fields.attributes.items():
        if attribute.write_only and config.get(name) is not None:
            yield Diagnostic.error(
                "Write-only attribute not supported",
                "This Terraform is too old for write-only attributes and would store the value in its state. "
                "Use Terraform 1.11 or later, or leave the attribute out.",
                (*path, name),
            )
    for name, inner in inner_fields(fields):
        for steps, element in element_steps(inner, config.get(name)):
            yield from check_no_write_only(inner, element, (*path, name, *steps))
