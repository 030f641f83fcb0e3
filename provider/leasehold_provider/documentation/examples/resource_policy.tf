resource "leasehold_policy" "guards" {
  name       = "guards"
  side       = "agent"
  document   = <<-CEDAR
    @id("no-branch-goes")
    forbid(principal, action == Action::"github/delete_branch", resource);
  CEDAR
  depends_on = [leasehold_tool_server.github]

  assertions = {
    deny = [{
      agent       = "triage"
      tool_server = "github"
      tool        = "delete_branch"
      arguments   = jsonencode({ branch = "main" })
    }]
  }
}
