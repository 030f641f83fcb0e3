ephemeral "leasehold_credential" "triage" {
  agent       = leasehold_agent.triage.name
  tool_server = leasehold_tool_server.github.name
  scopes      = ["mcp:tool:read_file:read"]
  deployment  = leasehold_deployment.triage.id
}
