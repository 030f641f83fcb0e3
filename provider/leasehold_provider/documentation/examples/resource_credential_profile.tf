resource "leasehold_credential_profile" "deploy" {
  name   = "deploy"
  agents = [leasehold_agent.triage.name]

  aws = {
    role_arn  = "arn:aws:iam::123456789012:role/agent-deploy"
    region    = "eu-central-1"
    on_revoke = "deny-session"
    tags      = { team = "payments" }
    session_policy = jsonencode({
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::orders/*" }]
    })
  }
}

resource "leasehold_credential_profile" "orders" {
  name   = "orders"
  agents = [leasehold_agent.triage.name]

  # The server reads the administrator's connection string from LEASEHOLD_SECRET_ORDERS_ADMIN.
  postgresql = {
    dsn   = "orders-admin"
    roles = ["orders_reader"]
  }
}
