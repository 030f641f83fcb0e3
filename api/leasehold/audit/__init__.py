"""Where the audit trail goes beyond this registry: anchors that keep its checkpoints, and receivers of its events."""
