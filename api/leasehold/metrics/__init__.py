"""Adapter: what the gateway counts, as Prometheus reads it."""
