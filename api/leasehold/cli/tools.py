"""`leasehold tools import`: what a server lists of its tools, as code to declare."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from leasehold.cli.authzen_mapping import MAPPING, declares, resource_template
from leasehold.cli.connection import Json
from leasehold.cli.examples import EXAMPLES
from leasehold.cli.exits import Failure
from leasehold.cli.safe_text import visible
from leasehold.cli.session import session_of

app = typer.Typer(no_args_is_help=True, help="What tool servers list: as declarations, and approved.")

_HINTS = {
    "title": "title",
    "readOnlyHint": "read_only_hint",
    "destructiveHint": "destructive_hint",
    "idempotentHint": "idempotent_hint",
    "openWorldHint": "open_world_hint",
}
_DESCRIPTION_LIMIT = 1024
_LABEL = re.compile(r"[^a-z0-9_]+")
_HCL_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


@app.command("import", epilog=EXAMPLES["tools import"])
def import_tools(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="The answer to `tools/list`, or its result, as JSON; `-` for stdin.")],
    *,
    name: Annotated[str, typer.Option(help="Name of the tool server.")],
    url: Annotated[str, typer.Option(help="Address of the tool server.")],
) -> None:
    """Print a `leasehold_tool_server` as HCL. A tool that says `readOnlyHint` reads, any other writes: read it over."""
    tools = _tools(_read(file), file)
    session_of(context).out.write("\n".join(_resource(name, url, tools)) + "\n")


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure("cannot be read", where=visible(file)) from error


def _tools(text: str, file: str) -> list[Json]:
    try:
        parsed = json.loads(text)
        found = parsed.get("result", parsed)["tools"]
        names = [tool["name"] for tool in found]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise Failure("is no answer to `tools/list`", where=visible(file)) from None
    if not names or not all(isinstance(one, str) for one in names) or len(set(names)) != len(names):
        raise Failure("lists no tools, or one of them twice", where=visible(file))
    return sorted(found, key=lambda tool: str(tool["name"]))


def _resource(name: str, url: str, tools: list[Json]) -> Iterator[str]:
    yield f'resource "leasehold_tool_server" "{hcl_label(name)}" {{'
    yield f"  name = {hcl_string(name)}"
    yield f"  url  = {hcl_string(url)}"
    yield ""
    yield "  tools = {"
    for tool in tools:
        yield f"    {hcl_string(tool['name'])} = {{"
        if declares(tool.get("inputSchema")) and resource_template(tool["inputSchema"]) is None:
            yield f"      # its {MAPPING} says more than a resource can: say by hand what a call is about"
        yield from (f"      {attribute} = {value}" for attribute, value in _attributes(tool))
        yield "    }"
    yield "  }"
    yield "}"


def _attributes(tool: Json) -> Iterator[tuple[str, str]]:
    given = tool.get("annotations")
    hints = given if isinstance(given, dict) else {}
    yield "action", '"read"' if hints.get("readOnlyHint") is True else '"write"'
    words = "".join(char for char in " ".join(str(tool.get("description", "")).split()) if char.isprintable())
    if words:
        yield "description", hcl_string(words[:_DESCRIPTION_LIMIT])
    if (about := resource_template(tool.get("inputSchema"))) is not None:
        yield "resource", hcl_string(about)
    if isinstance(tool.get("inputSchema"), dict):
        yield "input_schema", f"jsonencode({hcl_value(tool['inputSchema'])})"
    if known := {ours: hints[theirs] for theirs, ours in _HINTS.items() if _is_hint(theirs, hints.get(theirs))}:
        yield "annotations", hcl_value(known)


def _is_hint(name: str, value: object) -> bool:
    return isinstance(value, str if name == "title" else bool)


def hcl_label(name: str) -> str:
    """A Terraform label out of a name."""
    label = _LABEL.sub("_", name.lower()) or "server"
    return label if label[0].isalpha() else f"_{label}"


def hcl_value(value: Any) -> str:  # Any: JSON
    """A JSON value as HCL."""
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{hcl_string(str(key))} = {hcl_value(inner)}" for key, inner in sorted(value.items()))
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(hcl_value, value)) + "]"
    return hcl_string(value) if isinstance(value, str) else json.dumps(value)


def hcl_string(text: str) -> str:
    """A string of HCL: nothing in it is an expression, and what cannot be seen is written by its number."""
    shown = "".join(_HCL_ESCAPES.get(char) or (char if char.isprintable() else f"\\U{ord(char):08x}") for char in text)
    return '"' + shown.replace("${", "$${").replace("%{", "%%{") + '"'
