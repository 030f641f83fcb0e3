resource "leasehold_tool_server" "github" {
  name = "github"
  url  = "https://mcp.example.com/github"

  tools = {
    read_file = {
      action = "read"
      input_schema = jsonencode({
        type       = "object"
        properties = { path = { type = "string" } }
        required   = ["path"]
      })
      annotations = { read_only_hint = true }
    }
    create_issue  = { action = "write", description = "opens an issue" }
    delete_branch = { action = "delete" }
  }
}

# The tools of a server as it lists them itself. Keep the answer to `tools/list` beside the code, and write
# jsondecode(file("jira.tools.json")) here.
locals {
  listed = jsondecode(<<-JSON
    {"tools": [{"name": "search", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": true}}]}
  JSON
  ).tools
}

resource "leasehold_tool_server" "jira" {
  name = "jira"
  url  = "https://mcp.example.com/jira"

  tools = {
    for tool in local.listed : tool.name => {
      action       = try(tool.annotations.readOnlyHint, false) ? "read" : "write"
      input_schema = jsonencode(tool.inputSchema)
    }
  }
}
