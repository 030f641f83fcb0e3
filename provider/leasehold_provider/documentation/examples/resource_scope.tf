resource "leasehold_scope" "web_reader" {
  name        = "web-reader"
  tool_server = leasehold_tool_server.github.name
  tools       = ["read_file", "create_issue"]
  resources   = ["repo:web", "repo:api"]
}

resource "leasehold_scope" "docs_reader" {
  name        = "docs-reader"
  tool_server = leasehold_tool_server.github.name
  tools       = ["read_file"]
  resources   = ["repo:web"]
  constraints = { path = { prefixes = ["docs/", "site/"] } }
}
