# The platform team's stack in plain HCL: the same as ../../platform, resource by resource.

terraform {
  required_providers {
    leasehold = {
      source  = "leasehold/leasehold"
      version = "~> 0.1"
    }
  }
}

variable "endpoint" {
  description = "The registry's URL, also the audience of the tokens that pods prove themselves with"
  default     = "https://leasehold.example.com"
}

variable "login_issuer" {
  description = "Where people sign in"
  default     = "https://login.example.com"
}

variable "cluster_issuer" {
  description = "`kubectl get --raw /.well-known/openid-configuration` tells it"
  default     = "https://k8s.example.com"
}

provider "leasehold" {
  endpoint = var.endpoint
  stack    = "platform"
}

# People: an agent answers to one of them. They sign in with the company's login and work in a role.

resource "leasehold_owner" "alice" {
  name         = "alice"
  display_name = "Alice Moreau"
  email        = "alice@example.com"
  team         = "payments"
}

resource "leasehold_trust_issuer" "login" {
  name          = "login"
  type          = "oidc"
  issuer        = var.login_issuer
  audiences     = ["leasehold"]
  algorithms    = ["ES256"]
  allow_private = true
}

resource "leasehold_workload_binding" "alice-payments" {
  name         = "alice-payments"
  trust_issuer = leasehold_trust_issuer.login.name
  role         = "developer"
  teams        = ["payments"]
  oidc = {
    subject = "00u1alice"
  }
}

# Workloads: pods prove who they are by their cluster's tokens, pipelines by GitHub's.

resource "leasehold_trust_issuer" "cluster" {
  name          = "cluster"
  type          = "kubernetes"
  issuer        = var.cluster_issuer
  audiences     = [var.endpoint] # a token made for someone else, the cluster itself included, is no proof
  allow_private = true           # clusters rarely have a public address
}

resource "leasehold_workload_binding" "payments-ci" {
  name         = "payments-ci"
  trust_issuer = "github" # made at bootstrap and held by no stack, so that no stack can lock itself out
  role         = "developer"
  teams        = ["payments"]
  stack        = "triage" # all that this pipeline writes belongs to that stack, and it can write no other's
  github_actions = {
    repository_id       = "99017" # numeric ids: a renamed or re-created repository is another one
    repository_owner_id = "4211"
    job_workflow_ref    = "acme/payments/.github/workflows/deploy.yml@refs/heads/main"
  }
}

# Tools: one server, two bundles of its tools, and the most that the payments team may hand out.

resource "leasehold_tool_server" "github" {
  name        = "github"
  url         = "https://github.example.com/mcp"
  description = "Source code of acme"
  tools = {
    read_file          = { action = "read" }
    list_pull_requests = { action = "read" }
    create_comment     = { action = "write" }
    delete_branch      = { action = "delete", description = "Deletes a branch and its history for good." }
  }
}

resource "leasehold_scope" "reading" {
  name           = "reading"
  tool_server    = leasehold_tool_server.github.name
  tools          = ["read_file", "list_pull_requests"]
  resources      = ["repo:acme/*"]
  allow_wildcard = true
  justification  = "source code is open to all of acme"
}

resource "leasehold_scope" "commenting" {
  name           = "commenting"
  tool_server    = leasehold_tool_server.github.name
  tools          = ["create_comment"]
  resources      = ["repo:acme/*"]
  allow_wildcard = true
  justification  = "source code is open to all of acme"
}

resource "leasehold_ceiling" "payments" {
  name      = "payments"
  principal = "team:payments"
  scopes    = [leasehold_scope.reading.name, leasehold_scope.commenting.name] # no delete_branch
}
