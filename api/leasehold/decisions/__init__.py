"""The policy decision point at work: current, recorded, explained, searched and replayed."""
