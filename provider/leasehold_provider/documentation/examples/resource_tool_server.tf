resource "leasehold_tool_server" "github" {
  name = "github"
  url  = "https://mcp.example.com/github"

  tools = {
    read_file     = { action = "read" }
    create_issue  = { action = "write", description = "opens an issue" }
    delete_branch = { action = "delete" }
  }
}
