"""Proved access: of each agent and tool that a plan touches, and of each policy change, what is allowed that was not.

The grants, the ceilings above them and the policies of both sides count together, as the decision point has them. Every
widening comes with a call that the decision point denies today and would allow; what nobody can tell is `unproven`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, TypeAlias

from leasehold.model.directory import Relation, Resource, User
from leasehold.model.entities import AGENT, EntityRef
from leasehold.model.errors import InvalidValue
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.people import Agent, Owner
from leasehold.model.policies import Policy, PolicyPermits, PolicySide
from leasehold.model.tools import Scope, ToolServer
from leasehold.policy.cedar.mapping import ValueRefused
from leasehold.policy.cedar.statements import DocumentRefused
from leasehold.policy.material import FactsRefused
from leasehold.policy.proving.comparing import Comparison, Movement, Proof
from leasehold.policy.proving.questions import Holder
from leasehold.policy.proving.raised import Matter
from leasehold.policy.proving.searching import Bounds
from leasehold.policy.proving.witnesses import Witness, supposed_in_words
from leasehold.policy.published import Published
from leasehold.policy.registered import Registered, publish_registered
from leasehold.review.findings import WIRE
from leasehold.review.worlds import World


@dataclass(frozen=True, slots=True)
class Effort:
    """What the proofs of one review may cost: each of them, how many, and all together in seconds."""

    bounds: Bounds = field(default=Bounds(steps=2_000_000, milliseconds=1_000))
    most: int = 2_000
    seconds: float = 20.0
    ticks: Callable[[], float] = time.monotonic


USUAL = Effort()
Held: TypeAlias = tuple[str, Holder]
_TOO_MANY, _TOO_LATE = "too many changes for one review", "the time for proofs in one review ran out"


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessCall:
    """A call that shows a widening: denied as things are, allowed as they would be.

    `supposed` says in words what is not registered and was supposed to be, between backticks where it names something.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    agent: str | None
    user: str | None
    tool_server: str
    tool: str
    resource: str
    arguments: Mapping[str, object]
    context: Mapping[str, object]
    at: datetime
    supposed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessProof:
    """How what is allowed moved: for one agent, or (`agent` null) for whoever a change of policies concerns.

    Where facts moved that policies look at (`facts`), it is told for one `user` (null: the agent by itself) on one
    `resource` (null: on any other). `alike` is of how many more people and things the same holds.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    side: PolicySide
    agent: str | None
    tool_server: str
    tool: str
    movement: Movement
    witness: WitnessCall | None
    why: str
    facts: bool = False
    user: str | None = None
    resource: str | None = None
    alike: int = 0


@dataclass(frozen=True, slots=True)
class Proved:
    """All that was proved. `refused`: why one of the worlds could not be published, so that nothing was."""

    proofs: tuple[AccessProof, ...]
    refused: str = ""
    was: Published | None = None
    now: Published | None = None


def prove(was: World, now: World, at: datetime, effort: Effort = USUAL) -> Proved:
    """What every agent may do in `now` and not in `was`, and how each change of policies moves what it judges.

    What the effort does not suffice for is unproven.
    """
    return _proved_by(_proofs, was, now, at, effort)


def prove_facts(was: World, now: World, at: datetime, effort: Effort = USUAL) -> Proved:
    """The same, of what moves because facts moved that policies look at, and of nothing else."""
    return _proved_by(_proofs_of_facts, was, now, at, effort)


def _proved_by(prover: Prover, was: World, now: World, at: datetime, effort: Effort) -> Proved:
    try:
        old, new = publish_registered(registered(was)), publish_registered(registered(now))
    except (DocumentRefused, FactsRefused, ValueRefused, InvalidValue) as refused:
        return Proved((), str(refused).partition("\n")[0][:300])
    comparison = Comparison(old, new, at, effort.bounds)
    return Proved(tuple(prover(comparison, _held(old, new), _Spent(effort))), "", old, new)


def registered(world: World) -> Registered:
    """The objects that decisions depend on."""
    return Registered(
        owners=world.of(Owner),
        agents=world.of(Agent),
        tool_servers=world.of(ToolServer),
        scopes=world.of(Scope),
        ceilings=world.of(Ceiling),
        grants=world.of(Grant),
        policies=world.of(Policy),
        users=world.of(User),
        resources=world.of(Resource),
        relations=world.of(Relation),
    )


Prover: TypeAlias = Callable[[Comparison, Sequence[Held], "_Spent"], Iterator[AccessProof]]


class _Spent:
    """What was spent of an effort."""

    def __init__(self, effort: Effort) -> None:
        self._effort, self._until, self._made = effort, effort.ticks() + effort.seconds, 0

    def out_of(self) -> str:
        """Why no proof can be made any more; empty if one can, and it is counted."""
        if self._made >= self._effort.most:
            return _TOO_MANY
        self._made += 1
        return _TOO_LATE if self.is_late() else ""

    def is_late(self) -> bool:
        """True once the time is over."""
        return self._effort.ticks() > self._until


def _proofs(comparison: Comparison, held: Sequence[Held], spent: _Spent) -> Iterator[AccessProof]:
    for action, holder in held:
        if not comparison.unchanged(action, holder):
            yield _of_agent(comparison, action, holder, spent)
    for side, action in comparison.moved():
        late = spent.is_late()
        yield shown(_unproven(side, action, _TOO_LATE) if late else comparison.proof(side, action), None)
    for action, holder in held:
        yield from _of_facts(comparison, action, holder, spent)


def _proofs_of_facts(comparison: Comparison, held: Sequence[Held], spent: _Spent) -> Iterator[AccessProof]:
    for action, holder in held:
        if comparison.by_facts(action, holder) and not comparison.unchanged(action, holder):
            found = _of_agent(comparison, action, holder, spent)
            if found.movement is not Movement.EQUIVALENT:
                yield found
        yield from _of_facts(comparison, action, holder, spent)


def _of_agent(comparison: Comparison, action: str, holder: Holder, spent: _Spent) -> AccessProof:
    why = spent.out_of()
    found = _unproven(PolicySide.AGENT, action, why) if why else comparison.of_agent(action, holder)
    about = Matter(None, None) if comparison.by_facts(action, holder) else None
    return shown(replace(found, about=about), holder.ref.id)


def _of_facts(comparison: Comparison, action: str, holder: Holder, spent: _Spent) -> Iterator[AccessProof]:
    """What moves for one agent because facts moved; nothing is said of what does not."""
    if comparison.is_quiet():
        return
    matters = [Matter(None, None, untold=_TOO_LATE)] if spent.is_late() else comparison.matters(action, holder)
    for matter in matters:
        why = spent.out_of()
        unproven = _unproven(PolicySide.AGENT, action, why, about=matter) if why else None
        found = unproven or comparison.of_matter(action, holder, matter)
        if found.movement is not Movement.EQUIVALENT:
            yield shown(found, holder.ref.id)


def _held(old: Published, new: Published) -> list[Held]:
    """Every agent and tool that could be called on either side."""
    beyond = {action for version in (old, new) for action in version.actions if _has_beyond(version, action)}
    held: dict[EntityRef, set[str]] = {}
    for version in (old, new):
        for action, holders in version.facts.grants.of.items():
            for ref in holders:
                held.setdefault(ref, set()).add(action)
    agents = {ref for version in (old, new) for ref in version.facts.known if ref.type == AGENT}
    return [(action, Holder(ref)) for ref in sorted(agents) for action in sorted(held.get(ref, set()) | beyond)]


def _has_beyond(version: Published, action: str) -> bool:
    spoken = version.agents.about(version.actions[action])
    return any(policy.statement.permits and policy.permits is PolicyPermits.BEYOND_GRANTS for _, policy in spoken)


def _unproven(side: PolicySide, action: str, why: str, about: Matter | None = None) -> Proof:
    return Proof(side=side, action=action, movement=Movement.UNPROVEN, why=why, about=about)


def shown(proof: Proof, agent: str | None) -> AccessProof:
    """A proof as a report says it."""
    server, _, tool = proof.action.partition("/")
    about = proof.about or Matter(None, None)
    return AccessProof(
        side=proof.side,
        agent=agent,
        tool_server=server,
        tool=tool,
        movement=proof.movement,
        witness=_call(proof.widening) if proof.widening is not None else None,
        why=proof.why,
        facts=proof.about is not None,
        user=about.user.id if about.user is not None else None,
        resource=str(about.resource) if about.resource is not None else None,
        alike=about.alike,
    )


def _call(witness: Witness) -> WitnessCall:
    request = witness.request
    server, _, tool = request.action.partition("/")
    people = [one.ref for one in (request.subject, request.user) if one is not None]
    agents = [ref.id for ref in people if ref.type == AGENT]
    users = [ref.id for ref in people if ref.type != AGENT]
    said = {
        "source_ip": request.source,
        "chain": list(request.chain) or None,
        "deployment": request.deployment,
        "oauth": None
        if request.oauth is None
        else {
            "mode": request.oauth.mode.value,
            "scopes": sorted(request.oauth.scopes),
            "consent": request.oauth.consent,
        },
        "caller": _json(request.context) if request.context else None,
    }
    return WitnessCall(
        agent=agents[0] if agents else None,
        user=users[0] if users else None,
        tool_server=server,
        tool=tool,
        resource=str(request.resource.ref),
        arguments={name: _json(value) for name, value in sorted(request.arguments.items())},
        context={name: value for name, value in said.items() if value is not None},
        at=request.at,
        supposed=tuple(supposed_in_words(witness)),
    )


def _json(value: object) -> object:
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case Mapping():
            return {str(name): _json(one) for name, one in sorted(value.items())}
        case list():
            return [_json(one) for one in value]
        case _:
            return value
