"""Drift exceptions: a finding that somebody answers for, until a day that is named and not far."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from leasehold.model.errors import InvalidValue
from leasehold.model.names import check_text

EXCEPTION_DAYS_MAX = 30
LONGEST_EXCEPTION = timedelta(days=EXCEPTION_DAYS_MAX)
_FINGERPRINT = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftException:
    """Accepts the finding with this fingerprint until `expires_at`; then it is a finding again."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "strict": False, "str_max_length": 65_536}
    fingerprint: str
    reason: str
    expires_at: datetime

    def __post_init__(self) -> None:
        if not _FINGERPRINT.fullmatch(self.fingerprint):
            raise InvalidValue("fingerprint must be that of a finding: `sha256:` and 64 hex digits")
        check_text(self.reason, "reason")
        if not self.reason.strip():
            raise InvalidValue("reason must say why the drift is accepted")
        if self.expires_at.tzinfo is None:
            raise InvalidValue("expires_at must carry a time zone")


def check_end(exception: DriftException, now: datetime) -> None:
    """Raise `InvalidValue` unless an exception that is written now ends, and soon."""
    if exception.expires_at <= now:
        raise InvalidValue("expires_at must lie ahead: an exception that has ended accepts nothing")
    if exception.expires_at - now > LONGEST_EXCEPTION:
        raise InvalidValue(f"expires_at must be at most {EXCEPTION_DAYS_MAX} days ahead")
