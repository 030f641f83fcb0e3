"""Leasehold: identity and a lease on authority for AI agents, declared as infrastructure."""

__version__ = "0.1.0"
