resource "leasehold_drift_exception" "incident_4711" {
  name        = "incident-4711"
  fingerprint = "sha256:433e2303b6d2e07ce40aeaa9db833a3361a97328735c20ff89f06f7c3f139596"
  reason      = "granted by hand during incident 4711; the code follows in PR 42"
  expires_at  = "2027-01-08T12:00:00Z"
}
