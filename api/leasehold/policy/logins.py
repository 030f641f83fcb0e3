"""Groups that come with a login. Who will bring one nobody knows before; what it would open, and close, is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cedarpy import pst

from leasehold.model.entities import GROUP, EntityRef
from leasehold.policy.cedar.index import Scope, ref_of
from leasehold.policy.published import Published

_NO_ONE: frozenset[EntityRef] = frozenset()


def login_groups(published: Published, issuers: frozenset[str]) -> frozenset[EntityRef]:
    """Every group of these trust issuers (`<issuer>/<name>`) that the registry or a policy speaks of."""
    known = {ref for ref in published.facts.known if ref.type == GROUP}
    templates = (one.statement.template for one in published.policies.values())
    named = {ref_of(uid) for template in templates for uid in pst.entity_uids(template)}
    return frozenset(one for one in known | named if one.type == GROUP and _issuer(one) in issuers)


def brought(groups: Iterable[EntityRef], published: Published) -> frozenset[EntityRef]:
    """What somebody is in who comes with all of these groups."""
    every = frozenset(groups)
    return every.union(*(_above(one, published) for one in every))


def bringing(scope: Scope, groups: Iterable[EntityRef], published: Published) -> tuple[str, ...]:
    """Those of the groups that bring who comes with one under a policy's scope, in order."""
    within = scope[-1] if scope and scope[0] in {"in", "is in"} else None
    return tuple(sorted(one.id for one in groups if one == within or within in _above(one, published)))


def opening(action: str, groups: Iterable[EntityRef], published: Published) -> Iterator[str]:
    """Those of the groups with which a permit of the user side speaks of whoever comes, in order."""
    facts, every = published.actions.get(action), frozenset(groups)
    permits = published.users.about(facts) if facts is not None else ()
    found = {one for scope, policy in permits if policy.statement.permits for one in bringing(scope, every, published)}
    yield from sorted(found)


def _above(group: EntityRef, published: Published) -> frozenset[EntityRef]:
    known = published.facts.known.get(group)
    return known.ancestors if known is not None else _NO_ONE


def _issuer(group: EntityRef) -> str:
    issuer, slash, _ = group.id.partition("/")
    return issuer if slash else ""
