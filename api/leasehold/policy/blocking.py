"""What stands where a policy cannot be read any more: nobody knows what it forbade, and so everything is denied."""

from __future__ import annotations

from cedarpy import pst

from leasehold.model.entities import EntityRef
from leasehold.model.policies import PolicySide
from leasehold.policy.cedar.index import ref_of
from leasehold.policy.cedar.statements import Statement
from leasehold.policy.material import PolicyText

BLOCKED = "unpublishable"
_EVERYTHING = f'@id("{BLOCKED}") forbid(principal, action, resource);'


def everything_denied() -> list[PolicyText]:
    """Policies under which nothing is allowed."""
    return [PolicyText(name=f"{BLOCKED}-{side}", document=_EVERYTHING, side=side) for side in PolicySide]


def entities_named(statement: Statement) -> frozenset[EntityRef]:
    """Every entity that a policy names outright."""
    return frozenset(ref_of(uid) for uid in pst.entity_uids(statement.template))
