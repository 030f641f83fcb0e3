list "leasehold_user" "unmanaged" {
  provider = leasehold

  config {
    managed = false
  }
}
