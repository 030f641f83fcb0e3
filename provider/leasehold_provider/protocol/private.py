"""The provider's own dict that Terraform stores beside a state without looking into it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class PrivateState:
    """Decode on first use, and give untouched bytes back as they came: most operations never look."""

    __slots__ = ("_raw", "_values")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._values: dict[str, Any] | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The dict, to be changed in place. Bytes of another provider (after a move) read as empty."""
        if self._values is None:
            self._values = _load(self._raw)
        return self._values

    def dump(self) -> bytes:
        """Return the bytes to store: canonical JSON, or nothing for an empty dict."""
        if self._values is None:
            return self._raw
        if not self._values:
            return b""
        import json  # noqa: PLC0415 -- costs 8 ms, and few launches touch private state

        return json.dumps(self._values, sort_keys=True, separators=(",", ":")).encode()


def _load(raw: bytes) -> dict[str, Any]:
    if not raw:
        return {}
    import json  # noqa: PLC0415 -- see dump

    try:
        values = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
