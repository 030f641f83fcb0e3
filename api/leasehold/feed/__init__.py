"""The revocation feed: what ended, told to every verifier that follows, signed, in order and without a gap."""
