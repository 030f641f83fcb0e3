list "leasehold_scope" "unmanaged" {
  provider = leasehold

  config {
    managed = false
  }
}
