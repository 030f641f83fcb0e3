"""Log lines as Terraform reads them from a plugin's stderr: one JSON object per line. Never a value of a resource."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from traceback import StackSummary

MODULE = "provider"


def log(level: str, message: str, **fields: object) -> None:
    """Write one line; `level` is trace, debug, info, warn or error."""
    import json  # noqa: PLC0415 -- most launches log nothing

    line = {"@level": level, "@message": message, "@module": MODULE, **fields}
    try:
        sys.stderr.write(json.dumps(line) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass  # nobody reads any more


def log_failure(operation: str, failure: BaseException) -> None:
    """Log an unexpected exception: its type and where it was raised, never its text, which may hold a secret."""
    from traceback import extract_tb  # noqa: PLC0415 -- as above

    log("error", f"{operation} failed: {type(failure).__name__}", where=_frames(extract_tb(failure.__traceback__)))


def _frames(stack: StackSummary) -> list[str]:
    return [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in stack[-6:]]
