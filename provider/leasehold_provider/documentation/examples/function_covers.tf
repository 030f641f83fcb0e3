output "covered" {
  value = provider::leasehold::covers("repo:*", "repo:web")
}
