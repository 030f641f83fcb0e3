"""Who may read the audit trail, or look after it; and whether there is one."""

from __future__ import annotations

from starlette.requests import Request

from leasehold.model.errors import Unavailable
from leasehold.policy.decision import Permit
from leasehold.policy.platform import PlatformAction
from leasehold.web.doors import Doors, TrailDoors

TRAIL = "audit-trail"


async def trail_permit(
    doors: Doors, request: Request, action: PlatformAction, name: str = "", what: str = TRAIL
) -> tuple[Permit, TrailDoors]:
    """The permit of the caller, and the trail. Raises `Unauthenticated`, `Forbidden`, `Unavailable`."""
    caller = await doors.caller(request)
    permit = await doors.permit(caller, action, what, name)
    if doors.trail is None:
        raise Unavailable("this registry keeps no audit trail")
    return permit, doors.trail
