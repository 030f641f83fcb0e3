"""`leasehold_tool_server`: an MCP server and the tools it offers."""

from __future__ import annotations

from .names import check_input_schema, check_text, check_tool, check_url, one_of
from .protocol import Attribute, Bool, Diagnostic, DiagnosticError, Key, List, Map, Nested, Number, String, is_unknown
from .registry_resource import RegistryResource, named
from .same import same_document
from .secret_names import check_secret_names
from .upstream import UPSTREAM_AUTH, complaint_about

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    Values = dict[str, Any]


def check_tool_names(tools: Mapping[str, object]) -> str | None:
    """Complain about a tool's name, at the tool."""
    for tool in tools:
        complaint = check_tool(tool) or ("a tool server lists its tools by name" if tool == "*" else None)
        if complaint is not None:
            raise DiagnosticError("Invalid tool name", complaint, (Key(tool),))
    return None


def _hint(description: str) -> Attribute:
    return Attribute(Bool, optional=True, description=description)


_ANNOTATIONS = Nested(
    {
        "title": Attribute(String, optional=True, validators=(check_text,), description="Name for people."),
        "read_only_hint": _hint("It changes nothing (MCP `readOnlyHint`)."),
        "destructive_hint": _hint("It may destroy something (`destructiveHint`)."),
        "idempotent_hint": _hint("A second call changes nothing more (`idempotentHint`)."),
        "open_world_hint": _hint("It reaches beyond the server's own world (`openWorldHint`)."),
    },
    optional=True,
    description="What the server says of the tool: hints, never proof.",
)


_SCAN = (
    "By kind of finding (`secret`, `tag`, `bidi`, `zero_width`, `variation`, `filler`, `ansi`, `control`, "
    "`confusable`, `instruction`): `allow`, `log`, `redact` or `block`."
)
_UPSTREAM = Nested(
    {
        "url": Attribute(
            String, optional=True, validators=(check_url,), description="Where the gateway reaches the server."
        ),
        "command": Attribute(
            List(String),
            default=[],
            description="The program that is the server, by its absolute path, and its arguments; with `stdio`.",
        ),
        "transport": Attribute(
            String,
            default="streamable_http",
            validators=(one_of("streamable_http", "stdio", "legacy_sse"),),
            description="`streamable_http`, `stdio`, or `legacy_sse` for a server that has HTTP+SSE alone.",
        ),
        "max_staleness": Attribute(
            Number,
            optional=True,
            description="How old what is known of revocations may be, in seconds, before calls are refused. "
            "If left out, 1 for tools that change something and 30 for those that read.",
        ),
        "calls_per_minute": Attribute(
            Number,
            optional=True,
            description="Of one agent on one tool; a tenth of it at once. Tools that destroy get a tenth of both.",
        ),
        "scan_arguments": Attribute(Map(String), default={}, description=f"What is done to arguments. {_SCAN}"),
        "scan_results": Attribute(Map(String), default={}, description=f"What is done to results. {_SCAN}"),
    },
    optional=True,
    description="The server behind the gateway. `url` is then the gateway's own: `<issuer>/mcp/<name>`.",
)


class ToolServer(RegistryResource):
    """Its address is the audience of its tokens (RFC 8707 §2)."""

    type_name = "leasehold_tool_server"
    kind = "tool-servers"
    schema = named(
        {
            "url": Attribute(
                String,
                required=True,
                validators=(check_url,),
                description="Address of the server: the resource indicator, and the audience, of its tokens.",
            ),
            "tools": Nested(
                {
                    "action": Attribute(
                        String,
                        required=True,
                        validators=(one_of("read", "write", "delete", "execute"),),
                        description="What the tool does to the world: `read`, `write`, `delete` or `execute`.",
                    ),
                    "description": Attribute(
                        String, default="", validators=(check_text,), description="What the tool is for."
                    ),
                    "input_schema": Attribute(
                        String,
                        optional=True,
                        validators=(check_input_schema,),
                        description="JSON Schema of its arguments, an object, as JSON text. Policies are typed by it.",
                    ),
                    "annotations": _ANNOTATIONS,
                    "resource": Attribute(
                        String,
                        optional=True,
                        description="What a call is about, from its arguments: `repo:{repository}`. "
                        "If left out, the tool server.",
                    ),
                },
                nesting="map",
                required=True,
                validators=(check_tool_names,),
                description="The tools it offers, by name. Grants and scopes may name these and no others.",
            ),
            "description": Attribute(
                String, default="", validators=(check_text,), description="What the server is for."
            ),
            "pinning": Attribute(
                String,
                default="required",
                validators=(one_of("required", "observe"),),
                description="What the gateway does with tools that no `leasehold_tool_pin` approves: `required` hides "
                "and denies them, `observe` only takes note.",
            ),
            "dpop": Attribute(
                String,
                default="off",
                validators=(one_of("off", "required"),),
                description="`required` takes no token for it that is not bound to a key of the caller (RFC 9449).",
            ),
            "upstream_auth": UPSTREAM_AUTH,
            "upstream": _UPSTREAM,
        },
        description="An MCP server, with the tools that grants and scopes may name.",
        name="Short name that scopes and grants refer to.",
    )

    def validate(self, config: Values) -> Iterable[Diagnostic]:
        """Check that calls prove themselves in one way, and name secrets by their names."""
        misnamed = list(check_secret_names(config, ("upstream_auth", "oauth", "client_secret")))
        yield from misnamed
        auth = config["upstream_auth"]
        if misnamed or not isinstance(auth, dict):  # a complaint at the attribute would print its line
            return
        if (complaint := complaint_about(auth)) is not None:
            yield Diagnostic.error("Invalid upstream_auth", complaint, ("upstream_auth",))

    def keep_spelling(self, planned: Values, before: Values) -> None:
        """Keep the layout of schemas that mean the same."""
        super().keep_spelling(planned, before)
        tools, prior = planned["tools"], before.get("tools")
        if is_unknown(tools) or not isinstance(prior, dict):
            return
        for name, tool in (tools or {}).items():
            known = not is_unknown(tool) and isinstance(prior.get(name), dict)
            if known and same_document(tool["input_schema"], prior[name]["input_schema"]):
                tool["input_schema"] = prior[name]["input_schema"]
