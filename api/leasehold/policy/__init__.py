"""The policy decision point: may they? Pure, total, deny by default. The only room that makes a permit of any kind."""

from leasehold.policy.deciding import AccessDenied, AccessPermit, decide

__all__ = ["AccessDenied", "AccessPermit", "decide"]
