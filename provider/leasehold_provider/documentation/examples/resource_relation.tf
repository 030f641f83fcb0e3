resource "leasehold_relation" "ada_owns_minutes" {
  subject  = "user:ada"
  relation = "owner"
  object   = "document:42"
}

# Every member of the group is a reader.
resource "leasehold_relation" "board_reads_minutes" {
  subject  = "group:board"
  through  = "member"
  relation = "reader"
  object   = "document:42"
}
