"""Tool pins as constructs."""

import json

import cdktf
import pytest

from leasehold_cdktf import ToolPin, ToolServer
from leasehold_cdktf.collector import collector_of

TOOL = {"name": "send", "description": "Sends ${var.x}.", "_meta": {"a": 1}}
LISTED = {"jsonrpc": "2.0", "id": 1, "result": {"tools": [TOOL], "instructions": "Be brief.", "nextCursor": None}}
PLAIN = {"instructions": "Be brief.", "tools": {"send": {"description": "Sends $${var.x}."}}}


def server(stack, **more):
    return ToolServer(stack, "mail", url="https://mail.example.com/mcp", tools={"send": "write"}, **more)


def written(stack, name="mail"):
    return collector_of(stack).resources["leasehold_tool_pin"][name]


def test_a_server_pins_its_tools_from_the_file_that_they_are_kept_in(stack, tmp_path):
    file = tmp_path / "mail.tools.json"
    file.write_text(json.dumps(LISTED))
    pin = server(stack).pin(file, justification="read over")
    assert pin.fqn == "leasehold_tool_pin.mail"
    assert written(stack)["tool_server"] == "${leasehold_tool_server.mail.name}"
    assert json.loads(written(stack)["surface"]) == PLAIN
    assert written(stack)["justification"] == "read over"
    assert "name" not in written(stack)


def test_a_pin_of_another_stacks_server_names_it(stack):
    ToolPin(stack, "theirs", tool_server="mail", surface=LISTED, justification="read over")
    assert written(stack)["tool_server"] == "mail"
    other = cdktf.TerraformStack(cdktf.App(), "other")
    ToolPin(other, "theirs", tool_server=server(stack), surface=LISTED["result"], justification="read over")
    assert written(other)["tool_server"] == "mail"


def test_order_and_what_no_model_is_shown_make_no_difference(stack):
    by_name = {"tools": {"send": {"description": TOOL["description"]}}, "instructions": "Be brief."}
    ToolPin(stack, "mail", tool_server="mail", surface=by_name, justification="read over")
    assert json.loads(written(stack)["surface"]) == PLAIN


def test_a_server_has_one_pin(stack):
    mail = server(stack)
    mail.pin(LISTED, justification="read over")
    with pytest.raises(ValueError, match="declared twice"):
        ToolPin(stack, "again", tool_server=mail, surface={"tools": []}, justification="read over")


def test_a_server_says_what_becomes_of_tools_without_a_pin(stack):
    server(stack, pinning="observe")
    assert collector_of(stack).resources["leasehold_tool_server"]["mail"]["pinning"] == "observe"


@pytest.mark.parametrize(
    ("surface", "said"),
    [
        ({}, "has no `tools`"),
        ({"result": 1}, "has no `tools`"),
        ({"tools": "x"}, "has no `tools`"),
        ({"tools": [], "nextCursor": "x"}, "one page"),
        ({"tools": [TOOL, TOOL]}, "twice"),
    ],
)
def test_what_is_no_surface_is_refused_at_synth(stack, surface, said):
    with pytest.raises(ValueError, match=said):
        ToolPin(stack, "mail", tool_server="mail", surface=surface, justification="x")


@pytest.mark.parametrize(("text", "said"), [("{", "no JSON"), ("[]", "has no `tools`"), ('{"tools": NaN}', "NaN")])
def test_a_file_that_holds_none_is_refused_at_synth(stack, tmp_path, text, said):
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=said):
        ToolPin(stack, "mail", tool_server="mail", surface=str(file), justification="x")


def test_a_pin_says_why(stack):
    with pytest.raises(ValueError, match="justification is empty"):
        ToolPin(stack, "mail", tool_server="mail", surface=LISTED, justification=" ")
