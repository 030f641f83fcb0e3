resource "leasehold_deployment" "triage" {
  name     = "triage-prod"
  agent    = leasehold_agent.triage.name
  commit   = "c0ffee"
  workload = "Deployment/payments/triage"

  # Leases hang on the deployment: let it come after what they need and go before it.
  depends_on = [leasehold_agent_grants_exclusive.triage, leasehold_workload_binding.triage]
}
