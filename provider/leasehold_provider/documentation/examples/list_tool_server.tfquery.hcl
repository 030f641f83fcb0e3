list "leasehold_tool_server" "unmanaged" {
  provider = leasehold

  config {
    managed = false
  }
}
