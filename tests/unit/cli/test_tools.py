"""`leasehold tools import`: a server's own list as code, and nothing in it is more than text."""

import json

import pytest
from tests.unit.cli.terraform import leasehold

SERVER = ("--name", "jira", "--url", "https://mcp.example.com/jira")
LISTED = {
    "result": {
        "tools": [
            {
                "name": "search",
                "description": 'Finds\n  ${things} \u202e"now".',
                "inputSchema": {"type": "object", "properties": {"q": {"pattern": "%{x}\b"}}},
                "annotations": {"readOnlyHint": True, "title": "Search", "vendor": 1},
            },
            {"name": "drop", "annotations": {"readOnlyHint": "yes"}},
        ]
    }
}
HCL = """\
resource "leasehold_tool_server" "jira" {
  name = "jira"
  url  = "https://mcp.example.com/jira"

  tools = {
    "drop" = {
      action = "write"
    }
    "search" = {
      action = "read"
      description = "Finds $${things} \\"now\\"."
      input_schema = jsonencode({"properties" = {"q" = {"pattern" = "%%{x}\\U00000008"}}, "type" = "object"})
      annotations = {"read_only_hint" = true, "title" = "Search"}
    }
  }
}
"""


def nobody(_):
    raise AssertionError("importing asks nobody")


def test_a_list_becomes_a_tool_server(tmp_path):
    path = tmp_path / "tools.json"
    for document in (LISTED, LISTED["result"]):
        path.write_text(json.dumps(document))
        assert leasehold("tools", "import", path, *SERVER, answer=nobody) == (0, HCL, "")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"tools": []}', '{"tools": [1]}', '{"tools": [{"name": 1}]}', "[" * 9999]
)
def test_what_is_no_list_is_told_and_nothing_is_printed(tmp_path, text):
    path = tmp_path / "tools.json"
    path.write_text(text)
    code, out, err = leasehold("tools", "import", path, *SERVER, answer=nobody)
    assert (code, out) == (1, "")
    assert "tools.json" in err
    assert "unexpected" not in err


def test_a_file_that_is_not_there_is_told(tmp_path):
    code, out, err = leasehold("tools", "import", tmp_path / "none.json", *SERVER, answer=nobody)
    assert (code, out) == (1, "")
    assert "cannot be read" in err
