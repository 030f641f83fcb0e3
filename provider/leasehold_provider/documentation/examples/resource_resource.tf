resource "leasehold_resource" "minutes" {
  name       = "minutes"
  type       = "document"
  foreign_id = "42"
  parents    = ["folder:board"]

  attributes = {
    labels = ["confidential"]
    public = false
  }
}
