"""The life of a plugin process: handshake, mutual TLS, connections, the end."""
