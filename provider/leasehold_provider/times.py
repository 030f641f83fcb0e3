"""Days and moments as the user wrote them: what is well formed, and which two strings mean the same moment."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

_DAY = len("2026-01-31")
_MINUTES = 60


def check_day(value: str) -> str | None:
    """Complain unless `value` is a day that exists, as `YYYY-MM-DD`."""
    if len(value) == _DAY and parse_moment(f"{value}T00:00:00Z") is not None:
        return None
    return "must be a day that exists, written YYYY-MM-DD"


def check_moment(value: str) -> str | None:
    """Complain unless `value` is a date and time with a zone (RFC 3339 §5.6)."""
    if parse_moment(value) is not None:
        return None
    return "must be a date and time with a zone, such as 2026-01-31T18:00:00Z (RFC 3339)"


def same_moment(one: object, other: object) -> bool:
    """True if both are equal, or strings for the same moment."""
    if one == other:
        return True
    if not (isinstance(one, str) and isinstance(other, str)):
        return False
    first = parse_moment(one)
    return first is not None and first == parse_moment(other)


def parse_moment(text: str) -> datetime | None:
    """Read an RFC 3339 date and time; None if it is not one. Past the microsecond digits are dropped."""
    if len(text) <= _DAY or not text.isascii() or text[_DAY] not in "Tt":
        return None
    clock, offset = _split_zone(text[_DAY + 1 :])
    if offset is None:
        return None
    return _build(text[:_DAY], clock, offset)


def _split_zone(text: str) -> tuple[str, int | None]:
    """Return the time of day and the offset east of UTC in minutes."""
    if text[-1:] in ("Z", "z"):
        return text[:-1], 0
    clock, sign, zone = text[:-6], text[-6:-5], text[-5:]
    hours, _, minutes = zone.partition(":")
    if sign not in ("+", "-") or not (_digits(hours, 2) and _digits(minutes, 2)):
        return text, None
    if int(hours) > 23 or int(minutes) > 59:  # noqa: PLR2004  RFC 3339 §5.6
        return text, None
    return clock, (int(hours) * _MINUTES + int(minutes)) * (-1 if sign == "-" else 1)


def _build(day: str, clock: str, offset: int) -> datetime | None:
    from datetime import datetime, timedelta, timezone  # noqa: PLC0415 -- most plans hold no time

    whole, point, fraction = clock.partition(".")
    parts = (*day.split("-"), *whole.split(":"))
    widths = (4, 2, 2, 2, 2, 2)
    if len(parts) != len(widths) or not all(map(_digits, parts, widths)):
        return None
    if point and not (fraction.isdigit() and fraction):
        return None
    try:
        zone = timezone(timedelta(minutes=offset))
        year, month, date, hour, minute, second = map(int, parts)
        return datetime(year, month, date, hour, minute, second, int(f"{fraction:0<6}"[:6]), zone)
    except ValueError:
        return None


def _digits(text: str, width: int) -> bool:
    return len(text) == width and text.isdigit()
