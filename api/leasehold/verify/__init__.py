"""For resource servers: is this access token good, right now, for this tool on this resource?"""
