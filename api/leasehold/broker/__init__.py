"""What people and the organisation have at tool servers: connected, kept shut, chosen for one call, and ended."""
