"""The OAuth door: token exchange, introspection, revocation and metadata, in plain ASGI."""
