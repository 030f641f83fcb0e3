resource "leasehold_ceiling" "payments" {
  name      = "payments"
  principal = "team:payments"
  scopes    = [leasehold_scope.web_reader.name]
  max_ttl   = 120
}
