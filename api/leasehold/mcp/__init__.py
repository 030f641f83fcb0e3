"""MCP as both doors read it: messages that mean one thing to every reader, and what each of them needs to pass."""
