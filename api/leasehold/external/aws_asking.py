"""How AWS is asked: once, and not for long; and what it says when it does not do it."""

from __future__ import annotations

from botocore.config import Config
from botocore.exceptions import ClientError

ONCE = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1, "mode": "standard"})


def code_of(error: ClientError) -> str:
    """AWS's own word for what went wrong; its message repeats the request."""
    return str(error.response.get("Error", {}).get("Code", "unknown"))
