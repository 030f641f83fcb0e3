"""Agents and what belongs to them: what may be written, what it refers to, what changed, what a stack can see.

Every use case takes the `Permit` that policy gave, runs in one transaction and commits it itself. Credentials, HTTP and
tokens are others' rooms.
"""
