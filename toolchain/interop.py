"""Software that nobody here wrote, from npm, for tests, benchmarks and the demo."""

from toolchain.npm import Project

# OAuth: a provider, a client, status lists.
OAUTH = Project(
    "interop",
    {"oidc-provider": "9.13.3", "openid-client": "6.9.0", "@sd-jwt/jwt-status-list": "0.19.0"},
    size="5 MB",
)
# MCP: the protocol's own test suite, of which only alphas know 2026-07-28; a client for a terminal; and a server for
# databases, of which we use SQLite, which Node brings.
CONFORMANCE = Project("conformance", {"@modelcontextprotocol/conformance": "0.2.0-alpha.12"}, size="52 MB")
INSPECTOR = Project("inspector", {"@modelcontextprotocol/inspector": "2.12.0"}, size="110 MB")
MCP_REMOTE = Project("mcp-remote", {"mcp-remote": "0.15.1"}, size="16 MB")
# Neither ours nor free software: for `make test-claude-code` alone, on the machine of whoever asks for it.
CLAUDE_CODE = Project("claude-code", {"@anthropic-ai/claude-code": "2.1.328"}, size="370 MB")
DBHUB = Project("dbhub", {"@bytebase/dbhub": "1.4.0"}, size="30 MB", optional=False)
