list "leasehold_agent" "unmanaged" {
  provider = leasehold

  config {
    managed = false
  }
}
