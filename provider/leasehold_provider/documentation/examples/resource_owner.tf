resource "leasehold_owner" "alice" {
  name         = "alice"
  display_name = "Alice Ahlström"
  email        = "alice@example.com"
  team         = "payments"
}
