list "leasehold_grant" "by_hand" {
  provider = leasehold

  config {
    agent   = "triage"
    managed = false
  }
}
