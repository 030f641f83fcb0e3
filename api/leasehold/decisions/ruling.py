"""What enforced policies say before there is a call: which of them have a say on a tool, and whether all is denied.

For whoever issues tokens: what is denied whatever the call says is not put into one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from leasehold.decisions.assembling import State
from leasehold.decisions.calling import CallerFacts
from leasehold.decisions.current import Current
from leasehold.model.access import Reach
from leasehold.model.access_requests import action_name
from leasehold.model.errors import Unavailable
from leasehold.model.tokens import TokenRefused
from leasehold.policy.possible import policies_on
from leasehold.policy.wishes import ActingFor

_PERSON = "user:"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StateRulings:
    """What the policies of one state say."""

    state: State

    def on(self, agent: str, acting: ActingFor, reach: Reach, now: datetime) -> frozenset[str] | None:
        """The policies with a say on calls of a tool by an agent; None if they deny every call of it."""
        try:
            caller = CallerFacts(
                agent=agent,
                user=acting.user.removeprefix(_PERSON) if acting.user is not None else None,
                chain=acting.chain,
                scopes=frozenset(),
                deployment=None,
                groups=tuple(sorted(acting.groups)),
            )
        except TokenRefused:  # groups of nobody's issuer: who that is cannot be judged
            return None
        question = caller.question(action_name(reach.tool_server, reach.tool), reach.resource, {}, None)
        return policies_on(caller.request(question, self.state, now, None), self.state.published)


class CurrentRulings:
    """What the policies of the registry say now."""

    def __init__(self, current: Current, clock: Callable[[], datetime]) -> None:
        self._current = current
        self._clock = clock

    def as_of(self, sequence: int) -> StateRulings:
        """As of this change or a later one; blocks until that is known. Raises `Unavailable`."""
        state = self._current.state(self._clock())
        if state is None or state.sequence < sequence:
            try:
                state = self._current.look()
            except Unavailable:
                raise
            except Exception as error:  # whatever it is, nobody knows what the policies say, and nothing is issued
                _log.error("nothing is issued to agents, as policies cannot be read: %s", type(error).__name__)
                raise Unavailable("the policies cannot be read") from error
        return StateRulings(state)
