"""A Terraform plugin protocol 6 server on the standard library alone.

It knows no resource of any provider: describe yours with `Schema`, implement `Resource`, `DataSource`,
`EphemeralResource`, `Function` and `ListResource`, collect them in a `Provider` and call `serve(make_provider)`.

Values at this interface are plain Python:

* string → `str`, bool → `bool`, number → `int`, else `float`, else `decimal.Decimal` where a float would lose digits;
* list and tuple → `list`; object and map → `dict`; null → `None`;
* set → `list` without duplicates, in a canonical order, so that two reads of the same set compare equal; on the way
  out any iterable will do and its order means nothing;
* a value Terraform does not know yet → an `Unknown` (test with `is_unknown`; using one as a condition raises);
* an attribute of type `Dynamic` → `DynamicValue(type, value)`; on the way out a plain value has its type inferred.

Every name below is imported on first use: the handshake with Terraform must not wait for what it does not need.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .contexts import (
        ApplyContext,
        CloseContext,
        ConfigureContext,
        Context,
        ImportContext,
        ListContext,
        OpenContext,
        PlanContext,
        ReadContext,
        RenewContext,
    )
    from .cty import Bool, Dynamic, DynamicValue, List, Map, Number, Object, Set, String, Tuple, Type, contains_unknown
    from .data_source import DataSource
    from .diagnostics import Diagnostic, DiagnosticError, Key
    from .ephemeral import EphemeralResource
    from .function import Function, FunctionError, Parameter
    from .list_resource import Found, ListResource
    from .provider import Provider
    from .resource import MoveSource, Resource
    from .schema import Attribute, Block, IdentityAttribute, Nested, Schema
    from .serving import serve
    from .unknown import UNKNOWN, Refinement, Unknown, is_unknown

_HOMES = {
    "contexts": (
        "ApplyContext CloseContext ConfigureContext Context ImportContext ListContext OpenContext PlanContext "
        "ReadContext RenewContext"
    ),
    "cty": "Bool Dynamic DynamicValue List Map Number Object Set String Tuple Type contains_unknown",
    "data_source": "DataSource",
    "diagnostics": "Diagnostic DiagnosticError Key",
    "ephemeral": "EphemeralResource",
    "function": "Function FunctionError Parameter",
    "list_resource": "Found ListResource",
    "provider": "Provider",
    "resource": "MoveSource Resource",
    "schema": "Attribute Block IdentityAttribute Nested Schema",
    "serving": "serve",
    "unknown": "UNKNOWN Refinement Unknown is_unknown",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [  # noqa: RUF022 -- one line per kind of thing, in reading order
    "String", "Number", "Bool", "Dynamic", "List", "Set", "Map", "Object", "Tuple", "Type", "DynamicValue",
    "Attribute", "Nested", "Block", "Schema", "IdentityAttribute",
    "UNKNOWN", "Unknown", "Refinement", "is_unknown", "contains_unknown",
    "Diagnostic", "DiagnosticError", "Key",
    "Provider", "Resource", "MoveSource", "DataSource", "EphemeralResource",
    "Function", "FunctionError", "Parameter", "ListResource", "Found",
    "Context", "ConfigureContext", "PlanContext", "ApplyContext", "ReadContext", "ImportContext",
    "OpenContext", "RenewContext", "CloseContext", "ListContext",
    "serve",
]  # fmt: skip


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = __import__(f"{__name__}.{home}", fromlist=[name])
    value: object = getattr(module, name)
    globals()[name] = value
    return value
