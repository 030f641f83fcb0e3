"""Credentials of other systems: on record before anybody has one, bound to a lease, killed with it."""
