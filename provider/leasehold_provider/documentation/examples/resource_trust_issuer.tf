resource "leasehold_trust_issuer" "cluster" {
  name      = "prod-cluster"
  type      = "kubernetes"
  issuer    = "https://oidc.example.com/clusters/prod"
  audiences = ["https://leasehold.example.com"]
}
