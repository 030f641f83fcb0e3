"""The door of the revocation feed: a stream of signed batches, and a signed snapshot, in plain ASGI."""
