"""The MCP door: every message of an agent decided, its answer scanned and recorded, its bytes relayed as they came."""
