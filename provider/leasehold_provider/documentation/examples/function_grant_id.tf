output "grant" {
  value = provider::leasehold::grant_id("triage", "github", ["read_file"], ["repo:web"])
}
