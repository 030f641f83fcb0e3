"""The three searches, off the event loop: a registry of a hundred thousand agents is a lot of questions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from leasehold.decisions import searching
from leasehold.decisions.assembling import State
from leasehold.decisions.current import Current
from leasehold.decisions.questions import AccessQuestion
from leasehold.decisions.searching import Results, Wanted
from leasehold.decisions.surveying import opened_by_logins
from leasehold.model.entities import AGENT
from leasehold.model.errors import Unavailable
from leasehold.policy.decision import Permit
from leasehold.web.access.bodies import Search

_FINDERS = {"subject": searching.subjects, "resource": searching.resources, "action": searching.actions}


class Searches:
    """Searches on the current state. `clock` tells the time, aware UTC."""

    def __init__(self, current: Current, clock: Callable[[], datetime]) -> None:
        self._current, self._clock = current, clock

    async def search(self, _permit: Permit, wanted: str, asked: Search) -> Results[str]:
        """One page of what would be allowed. Raises `InvalidValue`, `Unavailable`."""
        now = self._clock()
        state = self._current.state(now)
        if state is None:
            raise Unavailable("what is known of the registry is too old to search")
        return await asyncio.to_thread(_search, wanted, asked, state, now)


def results_document(wanted: str, asked: Search, results: Results[str]) -> Mapping[str, object]:
    """A page as AuthZEN tells it ("The Search API Response")."""
    page = {"next_token": results.next_token, "count": len(results.items), "total": results.total}
    if wanted == "action":
        return {"page": page, "results": [{"name": one} for one in results.items]}
    type_ = asked.subject.type if wanted == "subject" else asked.resource.type
    # Results are entities that would be allowed; of whom nobody knows yet, the context tells what is known.
    more = {"context": {"logins_with": list(results.logins)}} if results.logins else {}
    return {"page": page, **more, "results": [{"type": type_, "id": one} for one in results.items]}


def _search(wanted: str, asked: Search, state: State, now: datetime) -> Results[str]:
    question = AccessQuestion(
        subject=asked.subject,
        action=asked.action,
        properties=asked.properties,
        resource=asked.resource,
        context=asked.context,
    )
    page = Wanted(asked.page.token, asked.page.limit)
    found = searching.paged(_FINDERS[wanted](question, state, now), question, wanted, page)
    logins = opened_by_logins(state, question.action) if wanted == "subject" and question.subject.type != AGENT else ()
    return replace(found, logins=logins)
