"""The audit trail: committed events put in one order, sealed, told, asked for, and shown to be whole.

Events are written by whoever does what they tell of; nothing here is on the way of a request that does not ask for the
trail.
"""
