"""The HTTP door of the control plane: parse, authenticate, authorize, call one use case, answer.

The only room that knows FastAPI. It decides nothing: who is `authn`'s, may they is `policy`'s, the rest the use cases'.
"""
