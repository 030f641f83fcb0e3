resource "leasehold_workload_binding" "triage" {
  name         = "triage-prod"
  trust_issuer = leasehold_trust_issuer.cluster.name
  agent        = leasehold_agent.triage.name

  kubernetes = {
    namespace       = "payments"
    service_account = "triage"
    any_uid         = true
  }
}

resource "leasehold_workload_binding" "pipeline" {
  name         = "payments-deploy"
  trust_issuer = "github"
  role         = "developer"
  teams        = ["payments"]
  stack        = "payments"

  github_actions = {
    repository_id       = "123456789"
    repository_owner_id = "987654"
    environment         = "prod"
  }
}
