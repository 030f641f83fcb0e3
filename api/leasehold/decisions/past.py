"""What a decision would have been at a moment that has passed: on the versions of everything that lived then.

Kept are the versions of objects, whose times are those of the servers that wrote them; not kept are leases long
expired, and what an enforcement point knew besides. So the answer is about permission: whether the agent could get a
lease at all, and whether grants and policies allowed it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from leasehold.decisions.answering import decided_on
from leasehold.decisions.assembling import State, assemble
from leasehold.decisions.ports import Store
from leasehold.decisions.questions import AccessQuestion
from leasehold.decisions.reading import READ, Seen, held_of
from leasehold.decisions.surveying import who_can
from leasehold.model.decisions import Decision
from leasehold.model.entities import AGENT, EntityRef
from leasehold.model.kinds import Kind
from leasehold.model.people import Agent, AgentState, Owner, OwnerState
from leasehold.policy.cedar.evaluation import Engine
from leasehold.policy.decision import Permit
from leasehold.policy.surveying import Access


@dataclass(frozen=True, slots=True)
class Could:
    """What an agent could do then. `decision` is None where nobody said on what.

    `stopped` says why it could get no lease whatever it was granted: `agent_unknown`, `agent_suspended`,
    `owner_disabled`, or nothing.
    """

    state: State
    agent: str
    stopped: str
    decision: Decision | None
    accesses: list[Access]

    @property
    def able(self) -> bool:
        """Whether it could, on what was named or on anything."""
        allowed = self.decision.allowed if self.decision is not None else bool(self.accesses)
        return allowed and not self.stopped


def state_at(store: Store, engine: Engine, agent: str, at: datetime) -> State:
    """Everything as it was then, and of grants those of one agent. Raises `Unavailable`."""
    with store.read() as unit:
        seen = Seen(unit.changes.latest_at(at), {kind: unit.versions.as_of(kind, at) for kind in READ})
        grants = unit.versions.as_of(Kind.GRANTS, at, f"{agent}/")  # a grant's name starts with its agent's
    return assemble(seen, held_of(seen, grants), engine)


def could(
    store: Store,
    _permit: Permit,
    engine: Engine,
    agent: str,
    question: AccessQuestion | None,
    action: str,
    at: datetime,
) -> Could:
    """Could the agent do this then? Without a question, in which ways could it? Raises `Unavailable`."""
    state = state_at(store, engine, agent, at)
    ref = EntityRef(AGENT, agent)
    accesses = [one for one in who_can(state, action, None, at) if one.holder == ref]
    decision = decided_on(question, state, at).decision if question is not None else None
    return Could(state, agent, _stopped(state.seen, agent), decision, accesses)


def _stopped(seen: Seen, name: str) -> str:
    agent = seen.of(Kind.AGENTS, Agent).get(name)
    if agent is None:
        return "agent_unknown"
    if agent.state is not AgentState.ACTIVE:
        return "agent_suspended"
    owner = seen.of(Kind.OWNERS, Owner).get(agent.owner)
    return "owner_disabled" if owner is None or owner.state is not OwnerState.ACTIVE else ""
