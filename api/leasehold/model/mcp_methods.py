"""Names under which MCP's methods beside tools are granted: tools of their own, whose names no real tool may have.

A server declares them like tools, grants and policies name them like tools, and what is not declared is nobody's.
"""

from __future__ import annotations

RESERVED = "mcp."
"""How such a name begins. A tool of an upstream whose name begins so is never shown and never called."""

READ_RESOURCE = "mcp.resources.read"
"""`resources/read`, its subscriptions, and completion of its templates, on `uri:<uri>`."""

GET_PROMPT = "mcp.prompts.get"
"""`prompts/get`, and completion of its arguments, on `prompt:<name>`."""

SAMPLE = "mcp.sampling.create"
"""What a server may ask of a client: to sample its model, on `tool_server:<name>`."""

ELICIT = "mcp.elicitation.create"
"""The same: to ask the person at the client."""

LIST_ROOTS = "mcp.roots.list"
"""The same: to list the client's folders."""

USE_TASK = "mcp.tasks.use"
"""Tasks that outlive a call, on `task:<id>`; `*` of them can be listed."""

METHODS = frozenset({READ_RESOURCE, GET_PROMPT, SAMPLE, ELICIT, LIST_ROOTS, USE_TASK})


def is_reserved(tool: str) -> bool:
    """True for a name that stands for a method, or could come to."""
    return tool.startswith(RESERVED)
