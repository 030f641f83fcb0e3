"""Terraform's provider service: every RPC of it, in terms of the public interface."""
