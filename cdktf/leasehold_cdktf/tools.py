"""Tool servers, scopes over them, and the ceilings that bound what anyone may be granted."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from leasehold_cdktf._cdk import Construct
from leasehold_cdktf.collector import Declared, refer
from leasehold_cdktf.grants import OffersGrants, OffersTools
from leasehold_cdktf.limits import Limits, check_limits, constraints_of
from leasehold_cdktf.names import (
    check_name,
    check_resources,
    check_tools,
    check_ttl,
    check_wildcards,
    did_you_mean,
    literal,
)
from leasehold_cdktf.pins import Surface, ToolPin
from leasehold_cdktf.upstream import UpstreamAuth

Action = Literal["read", "write", "delete", "execute"]
Pinning = Literal["required", "observe"]
ScanResponse = Literal["allow", "log", "redact", "block"]
_ANNOTATIONS = {
    "title": "title",
    "readOnlyHint": "read_only_hint",
    "destructiveHint": "destructive_hint",
    "idempotentHint": "idempotent_hint",
    "openWorldHint": "open_world_hint",
}
_DESCRIPTION_LIMIT = 1024


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool and what it does to the world.

    `input_schema` is the JSON Schema of its arguments, by which policies are typed; `annotations` are what the server
    says of it, by MCP's names (`readOnlyHint`): hints, never proof. `resource` is what a call is about, from its
    arguments (`repo:{repository}`); if left out, the tool server.
    """

    action: Action
    description: str = ""
    input_schema: Mapping[str, Any] | None = None  # Any: JSON Schema is JSON
    annotations: Mapping[str, Any] | None = None  # Any: texts and bools
    resource: str | None = None

    def __post_init__(self) -> None:
        if self.input_schema is not None and self.input_schema.get("type") != "object":
            raise ValueError("input_schema must be a JSON Schema of type `object`")
        if unknown := sorted((self.annotations or {}).keys() - _ANNOTATIONS.keys()):
            raise ValueError(f"no annotation `{unknown[0]}`: MCP has {', '.join(_ANNOTATIONS)}")

    @staticmethod
    def listed(
        answer: str | Path | Mapping[str, Any], *, actions: Mapping[str, Action] | None = None
    ) -> dict[str, Tool]:
        """The tools of a server as it lists them itself.

        Args:
            answer: The answer to `tools/list`, its `result`, or the file that it is kept in.
            actions: What tools do, where that is not for the server to say. Else a tool reads if it says
                `readOnlyHint`, and writes if it does not.

        Raises:
            ValueError: the answer lists no tools, or `actions` names one that is not there.
        """
        parsed = answer if isinstance(answer, Mapping) else json.loads(Path(answer).read_text(encoding="utf-8"))
        found = parsed.get("result", parsed).get("tools")
        if not isinstance(found, list) or not found:
            raise ValueError("this is no answer to `tools/list`: it has no `tools`")
        tools = {one["name"]: _listed(one, (actions or {}).get(one["name"])) for one in found}
        for name in actions or {}:
            if name not in tools:
                raise ValueError(f"the server lists no tool `{name}`: {did_you_mean(name, tools)}")
        return tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """A server behind the gateway: at `url`, or started by `command` (its program's absolute path first).

    `transport` is `stdio` for a command, `legacy_sse` for a server that has HTTP+SSE alone.
    `max_staleness` (seconds) and `calls_per_minute` bound what passes; `scan_arguments` and `scan_results` say by kind
    of finding what is done about it: `{"secret": "block"}`.
    """

    url: str | None = None
    command: tuple[str, ...] = ()
    transport: Literal["streamable_http", "stdio", "legacy_sse"] = "streamable_http"
    max_staleness: int | None = None
    calls_per_minute: int | None = None
    scan_arguments: Mapping[str, ScanResponse] = field(default_factory=dict)
    scan_results: Mapping[str, ScanResponse] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.transport == "stdio") is not bool(self.command) or bool(self.command) is (self.url is not None):
            raise ValueError("an upstream has a url, or a command with transport `stdio`")

    def declared(self) -> dict[str, Any]:  # Any: attributes of every type
        """The attributes that are set."""
        given = {
            "url": self.url,
            "command": list(self.command),
            "transport": None if self.transport == "streamable_http" else self.transport,
            "max_staleness": self.max_staleness,
            "calls_per_minute": self.calls_per_minute,
            "scan_arguments": dict(sorted(self.scan_arguments.items())),
            "scan_results": dict(sorted(self.scan_results.items())),
        }
        return {name: value for name, value in given.items() if value not in (None, [], {})}


class ToolServer(OffersTools, Declared):
    """An MCP server and the tools that it has.

    Args:
        url: Its address, which is also the audience of the tokens made for it.
        tools: What each tool does: `{"read_file": "read", "delete_branch": Tool("delete", "For good.")}`, or
            `Tool.listed("github.tools.json")`.
        description: One line for reports.
        pinning: `required`, the default, hides and denies tools that no pin approves; `observe` only takes note.
        dpop: `required` takes no token for it that is not bound to a key of the caller.
        upstream_auth: How calls prove themselves to it: `UpstreamAuth(OAuth())`; left out, it wants nothing.
        upstream: The server itself, if it stands behind the gateway; `url` is then `<issuer>/mcp/<name>`.
        name: The name in the registry; the construct's id if left out.

    Raises:
        ValueError: there is no tool, or one is misnamed.
    """

    KIND = "leasehold_tool_server"

    def __init__(  # noqa: PLR0913  one keyword per attribute
        self,
        scope: Construct,
        id_: str,
        *,
        url: str,
        tools: Mapping[str, Action | Tool],
        description: str | None = None,
        pinning: Pinning | None = None,
        dpop: Literal["off", "required"] | None = None,
        upstream_auth: UpstreamAuth | None = None,
        upstream: Upstream | None = None,
        name: str | None = None,
    ) -> None:
        check_tools(tools)
        if "*" in tools:
            raise ValueError("a tool server lists its tools by name: `*` is for grants")
        super().__init__(scope, id_, name)
        self.url: str | None = url
        self.known_tools = frozenset(tools)
        self.declare(
            {
                "url": url,
                "tools": {tool: _definition(what) for tool, what in sorted(tools.items())},
                "description": description,
                "pinning": pinning,
                "dpop": dpop,
                "upstream_auth": upstream_auth.attributes() if upstream_auth is not None else None,
                "upstream": None if upstream is None else upstream.declared(),
            }
        )

    def pin(self, surface: Surface, *, justification: str) -> ToolPin:
        """Approve this server's tools as the surface has them: see `ToolPin`.

        Raises:
            ValueError: as `ToolPin`.
        """
        return ToolPin(self, "pin", tool_server=self, surface=surface, justification=justification)

    @staticmethod
    def named(name: str, *, tools: Collection[str] | None = None, url: str | None = None) -> NamedToolServer:
        """A tool server that another stack declares; nothing is emitted.

        Args:
            name: Its name in the registry.
            tools: Its tools as far as this stack uses them, to catch slips at synth.
            url: Its address, for `LEASEHOLD_RESOURCE` in a bound workload.

        Raises:
            ValueError: the name is no registry name.
        """
        return NamedToolServer(name, tools=tools, url=url)


class NamedToolServer(OffersTools):
    """A tool server known by name: see `ToolServer.named`."""

    def __init__(self, name: str, *, tools: Collection[str] | None, url: str | None) -> None:
        self.name, self.url = check_name(name, "tool server"), url
        self.known_tools = None if tools is None else frozenset(tools)


class Scope(OffersGrants, Declared):
    """A named set of tools × resources on one tool server.

    Args:
        tool_server: Whose tools.
        tools: Their names; `*` for all needs `allow_wildcard` and a justification.
        resources: Each `type:identifier`; a `*` in the identifier needs the same.
        where: Limits by argument, for calls of each of the tools: `{"amount": at_most(50)}`.
        description: One line for reports.
        allow_wildcard: Admit `*`.
        justification: Why the wildcard must be.
        name: The name in the registry; the construct's id if left out.

    Raises:
        ValueError: an unknown tool, a malformed resource, an unjustified wildcard, or too many limits.
    """

    KIND = "leasehold_scope"

    def __init__(  # noqa: PLR0913  one keyword per attribute
        self,
        scope: Construct,
        id_: str,
        *,
        tool_server: ToolServer | NamedToolServer | str,
        tools: Collection[str],
        resources: Collection[str],
        where: Limits | None = None,
        description: str | None = None,
        allow_wildcard: bool = False,
        justification: str = "",
        name: str | None = None,
    ) -> None:
        server = ToolServer.named(tool_server) if isinstance(tool_server, str) else tool_server
        check_tools(tools)
        server.check_listed(tools)
        check_resources(resources)
        check_wildcards((*tools, *resources), allow_wildcard=allow_wildcard, justification=justification)
        if not resources:
            raise ValueError("name at least one resource: an empty set would allow nothing")
        super().__init__(scope, id_, name)
        self.declare(
            {
                "tool_server": server.reference(self.collector),
                "tools": sorted(tools),
                "resources": sorted(resources),
                "constraints": constraints_of(check_limits(where or {})),
                "description": description,
                "allow_wildcard": allow_wildcard or None,
                "justification": justification or None,
            }
        )

    @staticmethod
    def named(name: str) -> NamedScope:
        """A scope that another stack declares; nothing is emitted.

        Raises:
            ValueError: the name is no registry name.
        """
        return NamedScope(name)


class NamedScope(OffersGrants):
    """A scope known by name: see `Scope.named`."""

    def __init__(self, name: str) -> None:
        self.name = check_name(name, "scope")


class Ceiling(Declared):
    """An upper bound: what lies above every scope of it can be neither granted nor used.

    Args:
        principal: Whom it bounds: `agent:<name>`, `team:<name>`, `environment:<name>` or `organization`.
        scopes: What they may be granted at most; none means nothing.
        max_ttl: The longest life of their tokens, in seconds.
        dpop: `required` binds every token of theirs to a key that only the workload has.
        name: The name in the registry; the construct's id if left out.

    Raises:
        ValueError: the principal is none of the four, or max_ttl is out of bounds.
    """

    KIND = "leasehold_ceiling"

    def __init__(  # noqa: PLR0913  one keyword per attribute
        self,
        scope: Construct,
        id_: str,
        *,
        principal: str,
        scopes: Collection[Scope | NamedScope | str],
        max_ttl: int | None = None,
        dpop: Literal["off", "required"] | None = None,
        name: str | None = None,
    ) -> None:
        what, _, whom = principal.partition(":")
        if what in {"agent", "team", "environment"}:
            check_name(whom, what)
        elif principal != "organization":
            raise ValueError(
                f"principal `{principal}` must read `agent:<name>`, `team:<name>`, `environment:<name>` or "
                "`organization`"
            )
        check_ttl(max_ttl, "max_ttl")
        super().__init__(scope, id_, name)
        references = [
            s.reference(self.collector) if isinstance(s, OffersGrants) else refer(s, self.collector) for s in scopes
        ]
        self.declare({"principal": principal, "scopes": sorted(references), "max_ttl": max_ttl, "dpop": dpop})


def _listed(one: Mapping[str, Any], action: Action | None) -> Tool:  # Any: JSON
    hints = {key: value for key, value in (one.get("annotations") or {}).items() if key in _ANNOTATIONS}
    words = " ".join(str(one.get("description", "")).split())
    return Tool(
        action or ("read" if hints.get("readOnlyHint") is True else "write"),
        literal("".join(char for char in words if char.isprintable())[:_DESCRIPTION_LIMIT]),
        one.get("inputSchema"),
        hints or None,
    )


def _definition(what: Action | Tool) -> dict[str, Any]:  # Any: attributes of every type
    tool = what if isinstance(what, Tool) else Tool(what)
    given: dict[str, Any] = {"action": tool.action}
    if tool.description:
        given["description"] = tool.description
    if tool.input_schema is not None:
        given["input_schema"] = literal(json.dumps(tool.input_schema, sort_keys=True))
    if tool.resource is not None:
        given["resource"] = tool.resource
    if tool.annotations:
        given["annotations"] = {_ANNOTATIONS[key]: value for key, value in sorted(tool.annotations.items())}
    return given
