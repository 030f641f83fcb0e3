list "leasehold_owner" "unmanaged" {
  provider = leasehold

  config {
    managed = false
  }
}
