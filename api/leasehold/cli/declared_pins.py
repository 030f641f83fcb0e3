"""A pin as code to commit: strings of strangers are literals there, and no template."""

from __future__ import annotations

import json

from leasehold.cli.connection import Json
from leasehold.cli.tools import hcl_label, hcl_string, hcl_value


def hcl_of(server: str, surface: Json, justification: str) -> str:
    """The pin as HCL, one line per tool, so that a later change is a small one."""
    tools = "".join(
        f"      {hcl_string(name)} = {hcl_value(tool)}\n" for name, tool in sorted(surface["tools"].items())
    )
    return (
        f'resource "leasehold_tool_pin" "{hcl_label(server)}" {{\n'
        f"  tool_server   = {hcl_string(server)}\n"
        f"  justification = {hcl_string(justification)}\n\n"
        "  surface = jsonencode({\n"
        f"    instructions = {hcl_string(surface['instructions'])}\n"
        f"    tools = {{\n{tools}    }}\n"
        "  })\n}\n"
    )


def cdktf_of(server: str, surface: Json, justification: str) -> str:
    """The pin as a line of a CDKTF program; JSON is Python here but for three words, so it is read as text."""
    text = json.dumps(surface, sort_keys=True, ensure_ascii=True)
    return (
        "ToolPin(\n"
        "    self,\n"
        f"    {json.dumps(server + '-pin')},\n"
        f"    tool_server={json.dumps(server)},\n"
        f"    surface=json.loads({text!r}),\n"
        f"    justification={json.dumps(justification)},\n"
        ")\n"
    )
