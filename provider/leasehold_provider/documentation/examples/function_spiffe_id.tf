output "spiffe_id" {
  value = provider::leasehold::spiffe_id("acme.example", "triage")
}
