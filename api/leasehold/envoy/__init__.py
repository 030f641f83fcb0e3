"""Envoy's external authorization (ext_authz v3, gRPC): MCP calls authorised for an Envoy that users already run."""
