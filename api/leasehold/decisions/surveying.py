"""Who can call a tool and what somebody can call, with what is left to be true: the reverse of a decision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from leasehold.decisions.assembling import State
from leasehold.model.entities import ACTS_ON_BEHALF_OF, AGENT, EntityRef
from leasehold.model.kinds import Kind
from leasehold.policy import surveying
from leasehold.policy.cedar.naming import cedar_ref
from leasehold.policy.logins import login_groups, opening
from leasehold.policy.permitted import by_policy
from leasehold.policy.surveying import Access


@dataclass(frozen=True, slots=True)
class Surveyed:
    """All ways. `known`: what was asked about is there. `acted`: whom the one asked about acts on behalf of."""

    state: State
    ways: Sequence[Access]
    known: bool
    acted: Sequence[EntityRef] = ()


def who_can(state: State, action: str, resource: str | None, now: datetime) -> list[Access]:
    """Every way to call the tool, in order; also by groups that somebody's login may bring."""
    groups = login_groups(state.published, _issuers(state.directory.ids))
    return sorted(surveying.who_can(action, state.published, now, resource, groups), key=_place)


def what_can(state: State, subject: EntityRef, now: datetime) -> list[Access]:
    """Every way in which an agent, or a person by themselves, can call something, in order."""
    ref = cedar_ref(subject)
    ids = [said for said, name in state.directory.ids.items() if EntityRef(said.type, name) == ref]
    groups = login_groups(state.published, _issuers(ids)) if ids else frozenset()
    found = [*surveying.what_can(ref, state.published, now), *by_policy(ref, state.published, groups)]
    return sorted(found, key=_place)


def knows(state: State, subject: EntityRef) -> bool:
    """Whether anybody of this name is registered, whatever may keep them from everything."""
    agents = state.seen.objects.get(Kind.AGENTS, {})
    return subject.id in agents if subject.type == AGENT else cedar_ref(subject) in state.published.facts.known


def acted_for(state: State, subject: EntityRef) -> list[EntityRef]:
    """Whom relations say that an agent acts on behalf of: people, and groups of them, in order. It grants nothing."""
    ref = cedar_ref(subject)
    known = state.published.facts.known.get(ref)
    if known is None:
        return []
    return sorted(state.published.facts.relations.targets(known.ancestors | {ref}, ACTS_ON_BEHALF_OF))


def opened_by_logins(state: State, action: str) -> list[str]:
    """The groups with which whoever logs in is spoken of by a permit of the user side, in order."""
    groups = login_groups(state.published, _issuers(state.directory.ids))
    return list(opening(action, groups, state.published))


def _issuers(ids: Iterable[EntityRef]) -> frozenset[str]:
    """The trust issuers that people log in at: a group counts with an id of its own issuer alone."""
    return frozenset(issuer for one in ids for issuer, slash, _ in (one.id.partition("/"),) if slash)


def _place(one: Access) -> tuple[str, ...]:
    holder = str(one.holder) if one.holder is not None else ""
    return one.side.value, holder, one.action, one.resource, one.grant or "", one.policy or ""
