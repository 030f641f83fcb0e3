"""What stands in the place of a policy that cannot be published any more: it denies all that the policy spoke of.

Dropping the policy instead could allow what it forbade.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from cedarpy import pst

from leasehold.model.entities import EntityRef
from leasehold.model.policies import PolicyMode, PolicySide
from leasehold.policy.cedar.index import ref_of
from leasehold.policy.cedar.shapes import quoted
from leasehold.policy.cedar.statements import Statement
from leasehold.policy.material import Facts, PolicyText
from leasehold.policy.published import Published

BLOCKED = "unpublishable"
_EVERYTHING = f'@id("{BLOCKED}") forbid(principal, action, resource);'


def blocking(text: PolicyText, before: Published, facts: Facts) -> Iterator[PolicyText]:
    """Denies every action that the document spoke of when it was published, as far as there is one of them left."""
    of = [one.statement for one in before.policies.values() if one.statement.document == text.name]
    document = _EVERYTHING
    if text.schema is None and all(isinstance(one.template.action, pst.ActionEq) for one in of):
        here = sorted(_actions(of) & {f"{tool.server}/{tool.name}" for tool in facts.tools})
        if not here:  # all its tools are gone, and an unknown tool is denied anyway
            return
        actions = ", ".join(f"Action::{quoted(one)}" for one in here)
        document = f'@id("{BLOCKED}") forbid(principal, action in [{actions}], resource);'
    yield replace(text, document=document, schema=None, mode=PolicyMode.ENFORCE)


def everything_denied() -> list[PolicyText]:
    """Policies under which nothing is allowed."""
    return [PolicyText(name=f"{BLOCKED}-{side}", document=_EVERYTHING, side=side) for side in PolicySide]


def entities_named(statement: Statement) -> frozenset[EntityRef]:
    """Every entity that a policy names outright."""
    return frozenset(ref_of(uid) for uid in pst.entity_uids(statement.template))


def _actions(statements: Iterable[Statement]) -> set[str]:
    scopes = (one.template.action for one in statements)
    return {scope.entity.id for scope in scopes if isinstance(scope, pst.ActionEq)}
