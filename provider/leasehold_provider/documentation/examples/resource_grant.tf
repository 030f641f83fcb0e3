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
