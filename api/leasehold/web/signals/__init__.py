"""Streams of security events (SSF 1.0): plain ASGI, for receivers with a registry token."""
