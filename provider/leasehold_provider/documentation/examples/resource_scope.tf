resource "leasehold_scope" "web_reader" {
  name        = "web-reader"
  tool_server = leasehold_tool_server.github.name
  tools       = ["read_file", "create_issue"]
  resources   = ["repo:web", "repo:api"]
}

resource "leasehold_scope" "reports" {
  name        = "reports"
  tool_server = leasehold_tool_server.warehouse.name
  tools       = ["query"]
  resources   = ["db:main"]
  constraints = { table = { prefixes = ["sales_", "finance_"] } }
}
