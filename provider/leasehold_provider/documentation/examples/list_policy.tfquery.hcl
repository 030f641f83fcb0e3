list "leasehold_policy" "unmanaged" {
  provider = leasehold

  config {
    managed = false
  }
}
