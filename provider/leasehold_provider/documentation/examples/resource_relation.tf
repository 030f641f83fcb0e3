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

# The agent acts on behalf of whoever is in the group. It lets nobody in: a token and the person's consent do; policies
# can demand that this holds besides.
resource "leasehold_relation" "triage_for_board" {
  subject  = "agent:${leasehold_agent.triage.name}"
  relation = "acts_on_behalf_of"
  object   = "group:board"
}
