"""What policies let somebody do by themselves, without a grant, and with what is left to be true."""

from __future__ import annotations

from collections.abc import Iterator

from cedarpy import pst

from leasehold.model.entities import AGENT, EntityRef
from leasehold.model.policies import PolicyMode, PolicySide
from leasehold.policy.cedar.folding import condition_of, condition_on_principals
from leasehold.policy.cedar.index import scope_of
from leasehold.policy.explaining import text_of
from leasehold.policy.foreign import part_of
from leasehold.policy.logins import bringing, brought
from leasehold.policy.published import ActionFacts, Policy, Published, Slice
from leasehold.policy.surveying import Access

_TRUE = pst.BoolLit(value=True)


def by_policy(ref: EntityRef, published: Published, groups: frozenset[EntityRef] = frozenset()) -> Iterator[Access]:
    """What permits grant by themselves to this one, unless something forbids it whatever is asked.

    `groups` may come with a login of theirs: what one opens is told with it, and so is what one closes.
    """
    known = published.facts.known.get(ref)
    if known is None:
        return
    side, policies = (PolicySide.AGENT, published.agents) if ref.type == AGENT else (PolicySide.USER, published.users)
    with_groups = known.ancestors | brought(groups, published)
    for action in published.actions.values():
        if action.tool is None and ref.type not in part_of(action, published).askers(action.ref.id):
            continue
        piece = policies.slice_of(ref, known.ancestors, action)
        unless = _unless(piece)
        if unless is None:
            continue
        more = policies.slice_of(ref, with_groups, action) if groups else piece
        closing = [one.statement for one in more.policies if one not in piece.policies and not one.statement.permits]
        every = (*unless, *(text_of(condition_on_principals(one.template)) for one in closing))
        for policy in more.policies:
            if policy.statement.id in more.beyond and policy.mode is PolicyMode.ENFORCE:
                found = _access(side, ref, action, policy, every)
                if policy not in piece.policies:
                    scope = scope_of(policy.statement.template.principal)
                    found = found._replace(logins=bringing(scope, groups, published))
                yield found


def _unless(piece: Slice) -> tuple[str, ...] | None:
    conditions = [condition_of(one.statement.template) for one in piece.policies if not one.statement.permits]
    return None if _TRUE in conditions else tuple(text_of(one) for one in conditions)


def _access(side: PolicySide, ref: EntityRef, action: ActionFacts, policy: Policy, unless: tuple[str, ...]) -> Access:
    condition = condition_of(policy.statement.template)
    return Access(
        side=side,
        action=action.ref.id,
        holder=ref,
        grant=None,
        resource="*",
        constraints={},
        expires_at=None,
        when=() if condition == _TRUE else (text_of(condition),),
        unless=unless,
        policy=policy.statement.id,
    )
