"""When two values mean the same: sets in any order, times in any zone, JSON texts in any layout."""

from __future__ import annotations

from .times import same_moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_TRANSIENT = frozenset({"seen"})


def same_spec(sent: Mapping[str, object], live: Mapping[str, object]) -> bool:
    """True if the live object says what we sent, whatever else it says."""
    return all(_same(value, live.get(name)) for name, value in sent.items() if name not in _TRANSIENT) and (
        "live_grants" not in live or _same(sent.get("grants"), live["live_grants"])
    )


def _same(sent: object, live: object) -> bool:
    if isinstance(sent, dict) and isinstance(live, dict):
        return all(_same(value, live.get(name)) for name, value in sent.items()) and sent.keys() >= live.keys()
    if isinstance(sent, (list, tuple)) and isinstance(live, list):
        if any(isinstance(item, dict) for item in live):
            return len(sent) == len(live) and all(_same(*pair) for pair in zip(sent, live, strict=True))
        return sorted(map(str, sent)) == sorted(map(str, live))
    return same_moment(sent, live) or same_document(sent, live)


def same_document(one: object, other: object) -> bool:
    """True if both are equal, or strings of the same JSON value."""
    if one == other:
        return True
    if not (isinstance(one, str) and isinstance(other, str)):
        return False
    import json  # noqa: PLC0415 -- equal texts are the rule

    try:
        return bool(json.loads(one) == json.loads(other))
    except (ValueError, RecursionError):
        return False
