"""Subject token in, access token out: authenticate, decide, write the lease and its audit event, then answer."""
