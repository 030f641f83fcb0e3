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

# Refunds up to 50, in euros or dollars. Another limit is another grant.
resource "leasehold_grant" "refund" {
  agent       = leasehold_agent.triage.name
  tool_server = leasehold_tool_server.crm.name
  tools       = ["refund"]
  resources   = ["crm:acme"]
  constraints = {
    amount   = { max = 50 }
    currency = { one_of = ["EUR", "USD"] }
  }
}
