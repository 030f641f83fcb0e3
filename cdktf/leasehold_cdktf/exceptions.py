"""Drift exceptions: a finding that somebody answers for, until a day that is not far."""

from __future__ import annotations

import re
from datetime import datetime

from leasehold_cdktf._cdk import Construct
from leasehold_cdktf.collector import Declared
from leasehold_cdktf.names import moment

_FINGERPRINT = re.compile(r"sha256:[0-9a-f]{64}")


class DriftException(Declared):
    """Accepts one drift finding until `expires_at`. It stays in the report; then it is a finding again.

    Args:
        fingerprint: That of the finding, as `leasehold drift --json` prints it.
        reason: Why it is accepted, for whoever reads on.
        expires_at: RFC 3339 or an aware datetime, at most 30 days ahead.
        name: The name in the registry; the construct's id if left out.

    Raises:
        ValueError: no fingerprint of a finding, no reason, or a time without a zone.
    """

    KIND = "leasehold_drift_exception"

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        fingerprint: str,
        reason: str,
        expires_at: str | datetime,
        name: str | None = None,
    ) -> None:
        if not _FINGERPRINT.fullmatch(fingerprint):
            raise ValueError(f"fingerprint `{fingerprint}` must be `sha256:` and 64 hex digits, as a finding has it")
        if not reason.strip():
            raise ValueError("reason is empty: say why the drift is accepted")
        super().__init__(scope, id_, name)
        until = moment(expires_at, "expires_at")
        self.declare({"fingerprint": fingerprint, "reason": reason, "expires_at": until})
