"""`leasehold_tool_server`: an MCP server and the tools it offers."""

from __future__ import annotations

from .names import check_text, check_tool, check_url, one_of
from .protocol import Attribute, DiagnosticError, Key, Nested, String
from .registry_resource import RegistryResource, named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def check_tool_names(tools: Mapping[str, object]) -> str | None:
    """Complain about a tool's name, at the tool."""
    for tool in tools:
        complaint = check_tool(tool) or ("a tool server lists its tools by name" if tool == "*" else None)
        if complaint is not None:
            raise DiagnosticError("Invalid tool name", complaint, (Key(tool),))
    return None


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
                },
                nesting="map",
                required=True,
                validators=(check_tool_names,),
                description="The tools it offers, by name. Grants and scopes may name these and no others.",
            ),
            "description": Attribute(
                String, default="", validators=(check_text,), description="What the server is for."
            ),
        },
        description="An MCP server, with the tools that grants and scopes may name.",
        name="Short name that scopes and grants refer to.",
    )
