"""Other systems that mint credentials: AWS, PostgreSQL, GitHub, and whoever trusts our issuer. Knows only the model."""
