"""Append-only events, for other eyes than the registry's own. The events themselves live in the store's transaction."""
