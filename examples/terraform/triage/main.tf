# An app team's stack in plain HCL: the same as ../../triage, resource by resource.

terraform {
  required_providers {
    leasehold = {
      source  = "leasehold/leasehold"
      version = "~> 0.1"
    }
  }
}

variable "endpoint" {
  description = "The registry's URL"
  default     = "https://leasehold.example.com"
}

variable "commit" {
  description = "What is deployed: a new commit ends the leases of the old one"
  default     = null
}

provider "leasehold" {
  endpoint = var.endpoint
  stack    = "triage"
}

resource "leasehold_agent" "triage" {
  name        = "triage"
  owner       = "alice"      # answers for it
  review_by   = "2027-05-01" # and confirms it by then
  description = "Reads new issues of payments and comments on them"
}

resource "leasehold_grant" "reading" {
  agent     = leasehold_agent.triage.name
  scope     = "reading"
  resources = ["repo:acme/payments"]
}

resource "leasehold_grant" "commenting" {
  agent       = leasehold_agent.triage.name
  tool_server = "github"
  tools       = ["create_comment"]
  resources   = ["repo:acme/payments"]
}

# All it may do: what anyone adds elsewhere shows as drift, and the next apply removes it.
resource "leasehold_agent_grants_exclusive" "triage" {
  agent  = leasehold_agent.triage.name
  grants = [leasehold_grant.reading.id, leasehold_grant.commenting.id]
}

# Leases hang on the deployment. It comes last and goes first, so destroying this stack ends every lease before
# anything else goes.
resource "leasehold_deployment" "triage" {
  name       = "triage"
  agent      = leasehold_agent.triage.name
  commit     = var.commit
  depends_on = [leasehold_agent_grants_exclusive.triage]
}

# The proof by which a pod becomes the agent. The pod's side of it is in ../../triage/app.leasehold.yaml.
resource "leasehold_workload_binding" "triage" {
  name         = "triage-payments-triage"
  agent        = leasehold_agent.triage.name
  deployment   = leasehold_deployment.triage.name
  trust_issuer = "cluster"
  kubernetes = {
    namespace       = "payments"
    service_account = "triage"
    any_uid         = true
  }
}
