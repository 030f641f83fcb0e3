"""What stands in clusters: followed at their API servers; what is gone ends, with all that it held."""
