list "leasehold_relation" "ada" {
  provider = leasehold
  config {
    subject = "user:ada"
  }
}
