"""`leasehold_drift_exception`: one drift finding, accepted until a day that is not far."""

from __future__ import annotations

from .names import check_text
from .protocol import Attribute, String
from .registry_resource import RegistryResource, named
from .times import check_moment

_HEAD = "sha256:"
_DIGITS = frozenset("0123456789abcdef")
_LENGTH = 64


def check_fingerprint(value: str) -> str | None:
    """Say what is wrong with the fingerprint of a finding."""
    digits = value.removeprefix(_HEAD)
    if value.startswith(_HEAD) and len(digits) == _LENGTH and _DIGITS.issuperset(digits):
        return None
    return "must be that of a finding: `sha256:` and 64 hex digits"


def check_reason(value: str) -> str | None:
    """Say what is wrong with a reason."""
    return check_text(value) if value.strip() else "must say why the drift is accepted"


class DriftException(RegistryResource):
    """While it lasts, the report shows the finding as accepted; then it is a finding again."""

    type_name = "leasehold_drift_exception"
    kind = "drift-exceptions"
    moments = ("expires_at",)
    schema = named(
        {
            "fingerprint": Attribute(
                String,
                required=True,
                validators=(check_fingerprint,),
                description="The fingerprint of the finding, as `leasehold drift --json` prints it.",
            ),
            "reason": Attribute(
                String,
                required=True,
                validators=(check_reason,),
                description="Why it is accepted, for whoever reads on.",
            ),
            "expires_at": Attribute(
                String,
                required=True,
                validators=(check_moment,),
                description="When it is a finding again, as an RFC 3339 time at most 30 days ahead.",
            ),
        },
        description=(
            "Accepts one drift finding for a while. The finding stays in the report, as accepted until then and by "
            "whom, and no longer fails it. Another access or another value is another finding. Written by approvers "
            "and security administrators."
        ),
        name="Name of the exception.",
    )
