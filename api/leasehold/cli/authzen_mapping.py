"""What a tool server declares of a tool's authorisation (`x-authzen-mapping`, COAZ-MCP draft 1), as its `resource`.

The server is the party that is to be authorised: its word is a proposal to whoever reads the declaration over. Only
what a template can say is taken; nothing is evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MAPPING = "x-authzen-mapping"
_TYPE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LITERAL = re.compile(r"[A-Za-z0-9_./:@-]{1,200}")
_ARGUMENT = re.compile(r"""\$params\.arguments(?:\.(\w+)|\[(?:"([\w-]+)"|'([\w-]+)')\])""", re.ASCII)


def declares(schema: object) -> bool:
    """True if a tool's input schema holds a mapping."""
    return isinstance(schema, Mapping) and MAPPING in schema


def resource_template(schema: object) -> str | None:
    """`customer:{id}`; None where there is no mapping, or one that says more than that."""
    match schema:
        case {"x-authzen-mapping": {"evaluation": {"resource": {"type": str(type_), "id": str(id_)}}} as mapping}:
            place = _place(id_)
            return f"{type_}:{place}" if len(mapping) == 1 and place and _TYPE.fullmatch(type_) else None
        case _:
            return None


def _place(id_: str) -> str | None:
    found = _ARGUMENT.fullmatch(id_)
    if found is not None:
        return "{" + (found[1] or found[2] or found[3]) + "}"
    return id_ if _LITERAL.fullmatch(id_) else None
