"""The values a plan holds where the configuration says nothing: null, the default, the prior value, or unknown."""

from __future__ import annotations

from copy import deepcopy

from leasehold_provider.protocol.unknown import UNKNOWN

from .alignment import aligned, element_steps, inner_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from leasehold_provider.protocol.schema import Fields

    Values = dict[str, Any]


def fill_defaults(fields: Fields, planned: Values, config: Values) -> None:
    """Put defaults where the configuration is null, at every depth; in place."""
    for name, attribute in fields.attributes.items():
        if attribute.default is not None and config.get(name) is None:
            planned[name] = deepcopy(attribute.default)
    for name, inner in inner_fields(fields):
        if config.get(name) is not None:
            for element, given, _ in aligned(inner, planned.get(name), config.get(name), None):
                fill_defaults(inner, element, given)


def mark_unknown(fields: Fields, planned: Values, config: Values, prior: Values | None) -> None:
    """Make unknown, at every depth, what the provider computes in this change; `keep_prior` survives an update."""
    for name, attribute in fields.attributes.items():
        if config.get(name) is None and attribute.computed and attribute.default is None:
            keeps = attribute.keep_prior and prior is not None
            planned[name] = prior.get(name) if keeps and prior is not None else UNKNOWN
    for name, inner in inner_fields(fields):
        if config.get(name) is not None:
            before = prior.get(name) if prior is not None else None
            for element, given, earlier in aligned(inner, planned.get(name), config.get(name), before):
                mark_unknown(inner, element, given, earlier)


def clear_write_only(fields: Fields, values: Values) -> None:
    """Make write-only values null, at every depth; in place. Terraform refuses a plan or state that holds one."""
    for name, attribute in fields.attributes.items():
        if attribute.write_only:
            values[name] = None
    for name, inner in inner_fields(fields):
        for _, element in element_steps(inner, values.get(name)):
            clear_write_only(inner, element)
