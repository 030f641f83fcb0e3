data "leasehold_effective_access" "triage" {
  agent = "triage"
}

check "triage_deletes_nothing" {
  assert {
    condition     = !contains([for one in data.leasehold_effective_access.triage.access : one.action], "delete")
    error_message = "triage can delete something"
  }
}
