list "leasehold_resource" "unmanaged" {
  provider = leasehold

  config {
    managed = false
  }
}
