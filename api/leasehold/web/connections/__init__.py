"""The doors of connections: `/v1/connections` for programs, `/connect` for people and their browsers."""
