"""Signs of life of deployments: taken, missed, and what a missed one ends.

A deployment that missed one is ended in its epoch: its leases are dead, and its workload cannot bring it back, having
nothing left to prove itself with. A platform principal can, and so can a new epoch. Time in which no server was awake
to hear does not count.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from leasehold.authn.agent_tokens import ActingAgent
from leasehold.model.errors import DeploymentEnded, NotFound
from leasehold.model.events import AuditEvent, Change, Outcome
from leasehold.model.heartbeats import Heartbeat
from leasehold.model.kinds import Kind
from leasehold.model.leases import deployment_node
from leasehold.policy.decision import Deny, Permit
from leasehold.policy.heartbeats import BeatPermit, decide_beat_by_agent, decide_beat_by_principal
from leasehold.registry.journal import attempt, recording_failure
from leasehold.registry.ports import Store, UnitOfWork
from leasehold.registry.preconditions import check_stack
from leasehold.registry.teams import team_of_agent

LOOK_EVERY = timedelta(seconds=5)
ASLEEP_AFTER = timedelta(seconds=15)
"""If nobody has looked for this long, nobody could hear either: what is overdue then is owed anew."""

_SWEEPER = "heartbeats"


def beat_of_agent(store: Store, agent: ActingAgent, deployment: str, now: datetime) -> Heartbeat:
    """A sign of life by the workload. Raises `NotFound` for another's deployment, `DeploymentEnded`."""
    event = AuditEvent(at=now, principal=f"agent:{agent.agent}", action="beat", kind="deployments", name=deployment)
    with recording_failure(store, event):
        with store.read() as unit:
            answer = decide_beat_by_agent(unit.leases.find(agent.lease), deployment)
        return _beat(store, _permitted(answer, deployment), event)


def beat(store: Store, permit: Permit, deployment: str, now: datetime) -> Heartbeat:
    """A sign of life by a platform principal. Raises `NotFound` if it is not theirs to give."""
    event = attempt(permit.principal, "beat", "deployments", deployment, now)
    with recording_failure(store, event):
        with store.read() as unit:
            live = unit.objects.get(Kind.DEPLOYMENTS, deployment)
            check_stack(live, permit.principal)
            team = team_of_agent(unit, getattr(live.spec, "agent", None))
        return _beat(store, _permitted(decide_beat_by_principal(permit, deployment, team), deployment), event)


def sweep(store: Store, now: datetime) -> int:
    """End what missed its heartbeat; how many. Any number of servers may do so. Raises `Unavailable`."""
    with store.read() as unit:
        looked_at = unit.heartbeats.looked_at()
        idle = not unit.heartbeats.is_owed() or (looked_at is not None and now - looked_at < LOOK_EVERY)
        if idle and not unit.heartbeats.overdue(now):
            return 0
    with store.begin() as unit:
        unit.changes.lock()  # no sign of life is taken between the look and the end
        looked_at = unit.heartbeats.looked_at()
        asleep = looked_at is None or now - looked_at > ASLEEP_AFTER
        overdue = unit.heartbeats.overdue(now)
        for one in overdue:
            if asleep:
                unit.heartbeats.put(replace(one, due_at=now + one.ttl))
            else:
                _miss(unit, one, now)
        if looked_at is None or now > looked_at:  # a server whose clock is behind would make the others seem asleep
            unit.heartbeats.look(now)
        return 0 if asleep else len(overdue)


def owe(unit: UnitOfWork, deployment: str, ttl: int | None, now: datetime) -> None:
    """A new epoch begins: the first heartbeat is owed from now on, or none is."""
    if ttl is None:
        unit.heartbeats.delete(deployment)
        return
    span = timedelta(seconds=ttl)
    unit.heartbeats.put(Heartbeat(deployment=deployment, ttl=span, due_at=now + span))


def _permitted(answer: BeatPermit | Deny, deployment: str) -> BeatPermit:
    if isinstance(answer, Deny):  # "not yours" answers like "not found"
        raise NotFound(Kind.DEPLOYMENTS.singular, deployment)
    return answer


def _beat(store: Store, permit: BeatPermit, event: AuditEvent) -> Heartbeat:
    with store.begin() as unit:
        unit.changes.lock()
        found = unit.heartbeats.find(permit.deployment)
        if found is None:
            raise NotFound("deployment that owes heartbeats", permit.deployment)
        if found.is_missed(event.at):
            if not permit.revives:
                raise DeploymentEnded(permit.deployment)
            if found.missed_at is None:  # nobody had noticed yet: what was issued before ends all the same
                _miss(unit, found, event.at)
            unit.audit.append(replace(event, action="revive", outcome=Outcome.OK))
        given = replace(found, due_at=event.at + found.ttl, missed_at=None)
        unit.heartbeats.put(given)
        return given


def _miss(unit: UnitOfWork, heartbeat: Heartbeat, now: datetime) -> None:
    name = heartbeat.deployment
    if not unit.heartbeats.miss(name, now):
        return
    unit.nodes.bump(deployment_node(name))
    live = unit.objects.find(Kind.DEPLOYMENTS, name)
    sequence = unit.changes.latest() + 1
    revision = live.revision if live is not None else 0
    unit.changes.append(
        Change(
            sequence=sequence,
            kind="deployments",
            name=name,
            operation="revoke",
            revision=revision,
            by=_SWEEPER,
            at=now,
        )
    )
    unit.audit.append(
        AuditEvent(
            at=now,
            principal=_SWEEPER,
            action="end",
            kind="deployments",
            name=name,
            outcome=Outcome.OK,
            reason="heartbeat missed",
            stack=live.stack if live is not None else None,
            detail={"due_at": heartbeat.due_at.isoformat(), "heartbeat_ttl": heartbeat.ttl.total_seconds()},
        )
    )
