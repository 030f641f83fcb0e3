"""What the base branch declares, for the gate: a plan is compared with it as well as with what lives."""

from __future__ import annotations

import json

from .protocol import DiagnosticError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Stacks = list[dict[str, Any]]

_LIMIT = 16 * 1024 * 1024
_ADVICE = "Give the file that `leasehold review plan.json --base … --save-base` wrote."


def read_base(path: str | None) -> Stacks | None:
    """The stacks in a file, as a review takes them; None for no path. Never repeats what the file holds."""
    if not path:
        return None
    try:
        with open(path, "rb") as file:  # noqa: PTH123 -- pathlib costs a start some milliseconds
            stacks = json.loads(file.read(_LIMIT))["stacks"]
    except OSError as failed:
        raise DiagnosticError("Base cannot be read", f"`{path}`: {failed.strerror}. {_ADVICE}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        stacks = None
    if not isinstance(stacks, list) or not all(isinstance(one, dict) for one in stacks):
        raise DiagnosticError("Base cannot be read", f"`{path}` does not hold what a branch declares. {_ADVICE}")
    return stacks
