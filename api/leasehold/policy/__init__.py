"""The policy decision point: may they? Pure, total, deny by default. The only room that makes a `Permit`."""
