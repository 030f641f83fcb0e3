"""What has outlived its reason: agents without anyone to answer for them, and permissions past their end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from leasehold.model.access import is_live
from leasehold.model.deployments import Deployment
from leasehold.model.kinds import Kind
from leasehold.model.people import Agent, Owner, OwnerState
from leasehold.model.trust import WorkloadBinding
from leasehold.review.declared import Declared
from leasehold.review.findings import DriftClass
from leasehold.review.quotation import quoted
from leasehold.review.risk import Assessment
from leasehold.review.worlds import Key, Live


@dataclass(frozen=True, slots=True)
class Outlived:
    """One object that should have gone, or been confirmed; `cause` is the object whose change made it so."""

    class_: DriftClass
    key: Key
    agent: str
    sentence: str
    assessment: Assessment
    cause: Key | None = None


def outlived(declared: Declared, live: Live, now: datetime) -> Iterator[Outlived]:
    """Orphans and overstays among the agents that the stacks declare or still hold."""
    ours = {key[1] for key, one in live.stored.items() if key[0] is Kind.AGENTS and one.stack in declared.stacks}
    adrift = _adrift(declared, live)
    deployments: dict[str, list[str]] = defaultdict(list)
    for name, deployment in sorted(live.world.of(Deployment).items()):
        deployments[deployment.agent].append(name)
    for name in sorted(ours | declared.agents):
        agent = live.world.of(Agent).get(name)
        if agent is not None:
            yield from _orphan(name, agent, live, now, adrift=name in adrift)
            yield from _overstays(name, live, now, deployments[name])


def _orphan(name: str, agent: Agent, live: Live, now: datetime, *, adrift: bool) -> Iterator[Outlived]:
    reasons: list[tuple[int, str, str]] = []
    owner = live.world.of(Owner).get(agent.owner)
    if owner is None or owner.state is not OwnerState.ACTIVE:
        gone = "gone" if owner is None else "disabled"
        reasons.append((2, f"owner {gone}", f"its owner {quoted(agent.owner)} is {gone}"))
    if agent.review_by < now.date():
        reasons.append((2, "review overdue", f"its review was due on {agent.review_by.isoformat()}"))
    if adrift:
        reasons.append((1, "no live deployment", "it holds grants and a binding, and no deployment lives"))
    if reasons:
        rank = max(points for points, _, _ in reasons) + (1 if len(reasons) > 1 else 0)
        sentence = f"agent {quoted(name)} is orphaned: {'; '.join(said for _, _, said in reasons)}"
        cause = (Kind.OWNERS, agent.owner) if reasons[0][1].startswith("owner") else None
        factors = tuple(factor for _, factor, _ in reasons)
        yield Outlived(DriftClass.ORPHAN, (Kind.AGENTS, name), name, sentence, Assessment(rank, factors), cause)


def _adrift(declared: Declared, live: Live) -> set[str]:
    """Agents equipped to run, while nothing anchors their leases; a deployment yet to come is no orphan."""
    bound = {binding.agent for binding in live.world.of(WorkloadBinding).values() if binding.agent is not None}
    anchors = [*live.world.of(Deployment).values(), *(one.spec for one in declared.objects)]
    anchored = {spec.agent for spec in anchors if isinstance(spec, Deployment)}
    return {name for name in bound - anchored if live.world.grants_of(name)}


def _overstays(name: str, live: Live, now: datetime, deployments: Iterable[str]) -> Iterator[Outlived]:
    past = Assessment(1, ("past expiry",))
    for grant_name, grant in sorted(live.world.grants_of(name).items()):
        if not is_live(grant, now):
            sentence = f"grant {quoted(grant_name)} is past its expiry and still there"
            yield Outlived(DriftClass.OVERSTAY, (Kind.GRANTS, grant_name), name, sentence, past)
    for deployment_name in deployments:
        expires_at = live.world.of(Deployment)[deployment_name].expires_at
        if expires_at is not None and expires_at <= now:
            sentence = f"deployment {quoted(deployment_name)} is past its expiry and still there"
            yield Outlived(DriftClass.OVERSTAY, (Kind.DEPLOYMENTS, deployment_name), name, sentence, past)
