"""What lives, as a line of a CDKTF program: for the kinds whose construct takes the words that the registry takes.

Strings are Python literals, and no template of Terraform: `${` and `%{` are doubled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields

from leasehold.model.deployments import Deployment
from leasehold.model.directory import Decimal, Relation, Resource, User
from leasehold.model.exceptions import DriftException
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.objects import Spec
from leasehold.model.people import Owner
from leasehold.model.plain import plain_value

_NOUNS = (Owner, Ceiling, Deployment, User, Resource, Relation, DriftException)


def construct(name: str, spec: Spec) -> str | None:
    """The Python to declare it; None where a program says it in words of its own."""
    if isinstance(spec, Grant):
        return _grant(spec)
    if not isinstance(spec, _NOUNS):
        return None
    given = _given(spec)
    if isinstance(spec, User | Resource) and any(isinstance(one, Decimal) for one in spec.attributes.values()):
        return None
    arguments = "".join(f"    {key}={literal(value)},\n" for key, value in given.items())
    return f"{type(spec).__name__}(\n    self,\n    {literal(name)},\n{arguments})\n"


def literal(value: object) -> str:
    """A value as Python, sets as sorted lists."""
    if isinstance(value, str):
        text = value.replace("${", "$${").replace("%{", "%%{")
        return json.dumps(text) if text.isascii() else repr(text)  # JSON writes what lies beyond 16 bits in halves
    if isinstance(value, list):
        return "[" + ", ".join(literal(one) for one in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(key)}: {literal(one)}" for key, one in value.items()) + "}"
    return repr(value)


def _grant(grant: Grant) -> str | None:
    """What goes into `Agent(grants=[…])`."""
    if grant.constraints:
        return None
    options = {"allow_wildcard": grant.allow_wildcard, "justification": grant.justification}
    options |= {"expires_at": plain_value(grant.expires_at)}
    given = [f"{key}={literal(value)}" for key, value in options.items() if value]
    resources = [literal(one) for one in sorted(grant.resources)]
    if grant.scope is not None:
        held = f"Scope.named({literal(grant.scope)})"
        if not resources:
            given = [one for one in given if not one.startswith("allow_wildcard")]
        return f"{held}.{'on' if resources else 'grant'}({', '.join((*resources, *given))})\n"
    tools = ", ".join(literal(one) for one in sorted(grant.tools))
    return f"ToolServer.named({literal(grant.tool_server)}).tools({tools}).on({', '.join((*resources, *given))})\n"


def _given(spec: object) -> dict[str, object]:
    found: dict[str, object] = {}
    for f in fields(spec):  # type: ignore[arg-type]  # specs are dataclasses
        value = getattr(spec, f.name)
        default = f.default_factory() if f.default_factory is not MISSING else f.default
        if default is MISSING or value != default:
            found[f.name] = plain_value(value)
    return found
