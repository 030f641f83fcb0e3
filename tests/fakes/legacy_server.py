"""The SDK's server over the transport of MCP 2024-11-05 (HTTP+SSE), in a process of its own: it leaves streams open."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.fakes.mcp_upstream import sdk_server

if __name__ == "__main__":
    sdk_server("older").run("sse", port=int(sys.argv[1]))
