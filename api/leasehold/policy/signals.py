"""Who may have security events pushed to them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from leasehold.model.principal import Principal, Role
from leasehold.model.signals import Stream
from leasehold.policy.decision import Deny


@dataclass(frozen=True, slots=True)
class StreamPermit:
    """This principal may make streams, or change this one. Only this module makes one."""

    principal: Principal
    stream_id: str | None


def decide_new_stream(principal: Principal) -> StreamPermit | Deny:
    """May the principal have a stream? Every role hears what ends; unmerged code starts nothing that outlives it."""
    if principal.plan_only:
        return Deny("a plan-only identity reads and never writes")
    return StreamPermit(principal, None)


def decide_change(principal: Principal, stream: Stream) -> StreamPermit | Deny:
    """May the principal change or end this stream? Its receiver may, and a security-admin."""
    if not may_see(principal, stream):
        return Deny("a stream is its receiver's")
    if principal.plan_only:
        return Deny("a plan-only identity reads and never writes")
    return StreamPermit(principal, stream.id)


def may_see(principal: Principal, stream: Stream) -> bool:
    """True iff the principal may know of this stream."""
    return principal.id == stream.receiver or principal.role is Role.SECURITY_ADMIN
