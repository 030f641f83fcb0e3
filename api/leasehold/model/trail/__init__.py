"""The audit trail as values: events in one order, their hashes, the tree over them, what a checkpoint says. Pure."""
