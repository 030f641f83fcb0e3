resource "leasehold_agent_grants_exclusive" "triage" {
  agent  = leasehold_agent.triage.name
  grants = [leasehold_grant.read.id, leasehold_grant.reader.id]
}
