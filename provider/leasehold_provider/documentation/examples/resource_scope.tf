resource "leasehold_scope" "web_reader" {
  name        = "web-reader"
  tool_server = leasehold_tool_server.github.name
  tools       = ["read_file", "create_issue"]
  resources   = ["repo:web", "repo:api"]
}
