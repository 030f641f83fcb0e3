resource "leasehold_gate" "this" {
  depends_on = [
    leasehold_agent_grants_exclusive.triage,
    leasehold_deployment.triage,
  ]
}
