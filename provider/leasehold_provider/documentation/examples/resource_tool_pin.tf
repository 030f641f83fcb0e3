# Kept beside the code, the answer to `tools/list` is the surface: leasehold tools fetch github --out github.tools.json,
# and here surface = file("${path.module}/github.tools.json"). A plan shows what changes, tool by tool.
resource "leasehold_tool_pin" "github" {
  tool_server   = leasehold_tool_server.github.name
  justification = "read over by the platform team, CHG-4711"

  surface = jsonencode({
    instructions = "Ask before you delete anything."
    tools = {
      read_file = {
        description = "Reads a file."
        inputSchema = { type = "object", properties = { path = { type = "string" } }, required = ["path"] }
        annotations = { readOnlyHint = true }
      }
      delete_branch = { annotations = { destructiveHint = true } }
    }
  })
}
