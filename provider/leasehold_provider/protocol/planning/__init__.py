"""What the schema alone says about a change: defaults, unknown computed values, and what cannot be changed in place."""
