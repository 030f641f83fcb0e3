data "leasehold_unmanaged_grants" "triage" {
  agent = "triage"
}

output "granted_by_hand" {
  value = [for one in data.leasehold_unmanaged_grants.triage.grants : "${one.name} by ${one.updated_by}"]
}
