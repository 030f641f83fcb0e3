"""A tool server that is a program: the official SDK's, over its standard input and output."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.fakes.mcp_upstream import sdk_server

if __name__ == "__main__":
    sdk_server("local").run("stdio")
