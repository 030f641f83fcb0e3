resource "leasehold_grant" "read" {
  agent       = leasehold_agent.triage.name
  tool_server = leasehold_tool_server.github.name
  tools       = ["read_file"]
  resources   = ["repo:web"]
  expires_at  = "2027-05-01T00:00:00Z"
}

resource "leasehold_grant" "reader" {
  agent = leasehold_agent.triage.name
  scope = leasehold_scope.web_reader.name
}

# Only for such arguments. Another limit is another grant.
resource "leasehold_grant" "issues" {
  agent       = leasehold_agent.triage.name
  tool_server = leasehold_tool_server.github.name
  tools       = ["create_issue"]
  resources   = ["repo:web"]
  constraints = {
    priority = { min = 1, max = 3 }
    label    = { one_of = ["bug", "question"] }
  }
}
