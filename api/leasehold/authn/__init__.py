"""Credential in, identity out: who is it? What they may do is `policy`'s question."""
