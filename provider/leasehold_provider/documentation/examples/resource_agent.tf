resource "leasehold_agent" "triage" {
  name        = "triage"
  owner       = leasehold_owner.alice.name
  review_by   = "2027-05-01"
  description = "sorts incoming issues"
  environment = "prod"
}
