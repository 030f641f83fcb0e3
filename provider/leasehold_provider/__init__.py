"""The Terraform provider for Leasehold: standard library only, one file per resource over `protocol`."""

__version__ = "0.1.0"
