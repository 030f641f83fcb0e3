"""Tool servers, and scopes: named sets of tools and resources on one server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from leasehold.model.arguments import ArgumentConstraint, check_constraints
from leasehold.model.clients import DpopUse
from leasehold.model.errors import InvalidValue
from leasehold.model.json_texts import canonical_object, parsed_object
from leasehold.model.mcp_methods import METHODS, is_reserved
from leasehold.model.names import check_name, check_resource, check_text, check_tool, has_wildcard
from leasehold.model.relaying import Upstream
from leasehold.model.tool_resources import check_template
from leasehold.model.trust import check_url
from leasehold.model.upstream import UpstreamAuth

_STRICT = {"extra": "forbid", "strict": False, "str_max_length": 65_536}


class Action(StrEnum):
    """What a tool does to the world; the last part of the wire scope `mcp:tool:<tool>:<action>`."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    EXECUTE = "execute"


class Pinning(StrEnum):
    """What a gateway does with tools that no pin approves: hides and denies them, or only takes note."""

    REQUIRED = "required"
    OBSERVE = "observe"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolAnnotations:
    """What a server says of its tool (MCP 2025-11-25, `ToolAnnotations`); hints, never proof. None: it says nothing."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    title: str | None = None
    read_only_hint: bool | None = None
    destructive_hint: bool | None = None
    idempotent_hint: bool | None = None
    open_world_hint: bool | None = None

    def __post_init__(self) -> None:
        check_text(self.title or "", "title")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool of a server. `input_schema`: the JSON Schema of its arguments, an object, as JSON text.

    `resource`: what a call is about, from its arguments (`repo:{repository}`); if left out, its tool server.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    action: Action
    description: str = ""
    input_schema: str | None = None
    annotations: ToolAnnotations | None = None
    resource: str | None = None

    def __post_init__(self) -> None:
        check_text(self.description, "description")
        if self.resource is not None:
            check_template(self.resource)
        if self.input_schema is not None:
            canonical = canonical_object(self.input_schema, "input_schema")
            if parsed_object(canonical).get("type") != "object":
                raise InvalidValue("input_schema must be a JSON Schema of type `object`")
            object.__setattr__(self, "input_schema", canonical)  # one text for one schema, whatever its layout


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolServer:
    """An MCP server. `url` is its resource indicator, and thus the audience of its tokens (RFC 8707 §2).

    `upstream_auth` is how calls prove themselves to it; None: it wants nothing.
    `pinning`: whether the gateway shows and calls tools that no pin approves.
    `dpop` required: each token for it is bound to a key that the caller proves to hold (RFC 9449).
    With an `upstream` it stands behind the gateway, and `url` is the gateway's: `<issuer>/mcp/<name>`.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    url: str
    tools: Mapping[str, Tool]
    description: str = ""
    upstream_auth: UpstreamAuth | None = None
    pinning: Pinning = Pinning.REQUIRED
    dpop: DpopUse = DpopUse.OFF
    upstream: Upstream | None = None

    def __post_init__(self) -> None:
        check_url(self.url, "url")
        if self.upstream_auth is not None and self.upstream_auth.mtls and self.address.startswith("http:"):
            raise InvalidValue("a server that wants a client certificate is reached by https")
        check_text(self.description, "description")
        for tool, definition in self.tools.items():
            check_tool(tool)
            if tool == "*":
                raise InvalidValue("a tool server lists its tools by name")
            _check_reserved(tool, definition)
        if self.upstream is not None and self.upstream.url == self.url:
            # Its own audience would make the gateway's tokens good there, past the gateway.
            raise InvalidValue("url is the gateway's address of the server, and not that of its upstream")

    @property
    def address(self) -> str:
        """Where the server itself is: its upstream's URL if it stands behind the gateway, else `url`."""
        return self.upstream.url if self.upstream is not None and self.upstream.url is not None else self.url


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Tools × resources on one tool server. A `*` anywhere needs `allow_wildcard` and a justification.

    `constraints` bind arguments of every tool of the scope; an argument that is constrained must be there.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    tool_server: str
    tools: frozenset[str]
    resources: frozenset[str]
    description: str = ""
    allow_wildcard: bool = False
    justification: str = ""
    constraints: Mapping[str, ArgumentConstraint] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.tool_server, "tool_server")
        check_text(self.description, "description")
        check_reach(self.tools, self.resources, allow_wildcard=self.allow_wildcard, justification=self.justification)
        check_constraints(self.constraints)


def _check_reserved(tool: str, definition: Tool) -> None:
    if not is_reserved(tool):
        return
    if tool not in METHODS:
        raise InvalidValue(f"no tool is named `{tool}`: that beginning stands for {', '.join(sorted(METHODS))}")
    if definition.resource is not None or definition.input_schema is not None:
        raise InvalidValue(f"`{tool}` has a resource and arguments of its own")


def check_reach(tools: frozenset[str], resources: frozenset[str], *, allow_wildcard: bool, justification: str) -> None:
    """Raise `InvalidValue` unless the sets are non-empty, well formed, and wildcards are asked for and justified."""
    check_text(justification, "justification")
    if not tools or not resources:
        raise InvalidValue("tools and resources must each name at least one: an empty set would grant nothing")
    for tool in tools:
        check_tool(tool)
    for resource in resources:
        check_resource(resource)
    if has_wildcard(tools | resources):
        if not allow_wildcard:
            raise InvalidValue("a wildcard needs allow_wildcard = true")
        if not justification.strip():
            raise InvalidValue("a wildcard needs a justification")
