"""`leasehold tools import`: a server's own list as code, and nothing in it is more than text."""

import json

import pytest
from tests.unit.cli.terraform import leasehold

from leasehold.model.tools import Action, Tool

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


def mapped(resource, **more):
    """A list of one tool whose server declares how to authorise it (COAZ-MCP)."""
    mapping = {"evaluation": {"subject": {"id": "$token.sub"}, "action": {"name": "x"}, "resource": resource, **more}}
    return {"tools": [{"name": "get", "inputSchema": {"type": "object", "x-authzen-mapping": mapping}}]}


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"type": "customer", "id": "$params.arguments.id"}, "customer:{id}"),
        ({"type": "customer", "id": '$params.arguments["customer-id"]'}, "customer:{customer-id}"),
        ({"type": "customer", "id": "$params.arguments['id']", "properties": {}}, "customer:{id}"),
        ({"type": "region", "id": "eu/west"}, "region:eu/west"),
    ],
)
def test_a_mapping_that_names_one_argument_is_proposed_as_what_the_tool_is_about(tmp_path, resource, expected):
    path = tmp_path / "tools.json"
    path.write_text(json.dumps(mapped(resource)))
    code, out, _ = leasehold("tools", "import", path, *SERVER, answer=nobody)
    assert (code, f'      resource = "{expected}"\n' in out) == (0, True)
    assert Tool(action=Action.READ, resource=expected).resource == expected


@pytest.mark.parametrize(
    "resource",
    [
        {"type": "$token.role", "id": "$params.arguments.id"},
        {"type": "customer", "id": "$params.arguments.a + params.arguments.b"},
        {"type": "customer", "id": "$token.sub"},
        {"type": "customer", "id": "$$50"},
        {"type": "customer", "id": "*"},
        {"type": "customer", "id": "{x}"},
        {"type": "customer", "id": "a\n}"},
        {"type": 'x"', "id": "$params.arguments.id"},
        {"type": "customer", "id": 7},
        {"type": "customer", "id": "$params.arguments.id\n"},
        "customer",
        None,
    ],
)
def test_a_mapping_that_says_more_is_left_to_whoever_reads_it(tmp_path, resource):
    path = tmp_path / "tools.json"
    path.write_text(json.dumps(mapped(resource)))
    code, out, _ = leasehold("tools", "import", path, *SERVER, answer=nobody)
    assert (code, " resource = " in out) == (0, False)
    assert "# its x-authzen-mapping says more than a resource can" in out


def test_several_evaluations_are_no_resource(tmp_path):
    listed = mapped({"type": "customer", "id": "$params.arguments.id"})
    mapping = listed["tools"][0]["inputSchema"]["x-authzen-mapping"]
    path = tmp_path / "tools.json"
    for wrong in ({"evaluations": mapping["evaluation"]}, {**mapping, "evaluations": {}}, [], "x"):
        listed["tools"][0]["inputSchema"]["x-authzen-mapping"] = wrong
        path.write_text(json.dumps(listed))
        assert " resource = " not in leasehold("tools", "import", path, *SERVER, answer=nobody)[1]
