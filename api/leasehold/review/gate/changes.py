"""C3, C5, C6, C7, C9: what a plan adds, how wide and how long, who answers, what is asserted, what is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from leasehold.model.directory import User
from leasehold.model.exceptions import DriftException
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.people import Agent, Owner, OwnerState
from leasehold.model.policies import Policy
from leasehold.model.tools import ToolServer
from leasehold.policy.asserting import broken_assertions
from leasehold.policy.directory import directory_of
from leasehold.policy.proving.comparing import Movement
from leasehold.review.entitlements import EVERY_TOOL
from leasehold.review.gate.rules import Check, Verdict
from leasehold.review.gate.scenes import Scene
from leasehold.review.gate.verdicts import GateFinding
from leasehold.review.proofs import AccessProof
from leasehold.review.quotation import quoted
from leasehold.review.risk import UNPROVEN

_WIDER = frozenset({Movement.WIDENS, Movement.BOTH})


def new_access(scene: Scene) -> Iterator[GateFinding]:
    """What agents gain, as risky as it is; and what changes of policies give to whoever they concern."""
    for change in scene.access:
        if change.gains:
            yield GateFinding(
                check=Check.NEW_ACCESS,
                verdict=scene.rules.new_access.get(change.risk, Verdict.NEEDS_APPROVAL),
                agent=change.agent,
                address=None,
                sentence=change.sentence,
            )
    for foundation in scene.foundations:
        yield GateFinding(
            check=Check.FOUNDATION,
            verdict=scene.rules.foundations.get(foundation.risk, Verdict.NEEDS_APPROVAL),
            agent=None,
            address=foundation.address,
            sentence=foundation.sentence,
        )
    gaining = {(change.agent, one.tool_server, one.tool) for change in scene.access for one in change.gains}
    wider = [one for one in scene.proved.proofs if one.movement in _WIDER]
    for proof in wider:
        said_already = (proof.agent, proof.tool_server, proof.tool) in gaining
        if not proof.facts and not said_already:
            yield scene.finding(Check.POLICY_WIDENS, widened(proof), agent=proof.agent)
    for several in by_agent_and_tool(one for one in wider if one.facts):
        yield scene.finding(Check.FACTS_WIDEN, widened_by_facts(several), agent=several[0].agent)


def handed_over(scene: Scene) -> Iterator[GateFinding]:
    """What agents can newly have done by others."""
    for one in scene.delegation:
        yield scene.finding(Check.DELEGATION, one.sentence, agent=one.agent, key=(Kind.AGENTS, one.agent))


def wide_and_lasting(scene: Scene) -> Iterator[GateFinding]:
    """Wildcards, standing access in production, tokens that live longer than the rules have it."""
    for change in scene.access:
        if any("*" in one.resource or one.tool == EVERY_TOOL for one in change.gains):
            said = f"agent {quoted(change.agent)} gains by a wildcard"
            yield scene.finding(Check.WILDCARD, said, agent=change.agent)
        if {"standing", "production"} <= set(change.factors):
            said = f"agent {quoted(change.agent)} gains what changes production, without an end"
            yield scene.finding(Check.STANDING_PRODUCTION, said, agent=change.agent)
    for (kind, name), spec in scene.fresh.items():
        if isinstance(spec, Agent) and spec.max_ttl > scene.rules.max_ttl:
            said = f"tokens of agent {quoted(name)} live {spec.max_ttl} s, longer than {scene.rules.max_ttl} s"
            yield scene.finding(Check.LONG_TTL, said, agent=name, key=(kind, name))


def changed_tools(scene: Scene) -> Iterator[GateFinding]:
    """Tools that agents hold already, and that are another thing now: another address, arguments, annotations."""
    for key, spec in scene.fresh.items():
        before = scene.was.find(*key)
        if not isinstance(spec, ToolServer) or not isinstance(before, ToolServer):
            continue
        if (spec.url, spec.address) != (before.url, before.address):
            said = f"tool server {quoted(key[1])} moves to another address"
            yield scene.finding(Check.CHANGED_TOOL, said, key=key)
        for tool in sorted(spec.tools.keys() & before.tools.keys()):
            is_now, was = spec.tools[tool], before.tools[tool]
            if (is_now.action, is_now.input_schema, is_now.annotations) != (
                was.action,
                was.input_schema,
                was.annotations,
            ):
                said = f"tool {quoted(tool)} of {quoted(key[1])} is not what it was"
                yield scene.finding(Check.CHANGED_TOOL, said, key=key)


def answerable(scene: Scene) -> Iterator[GateFinding]:
    """Agents that gain, are granted or are declared while nobody answers for them or their review is past.

    What a disabled owner withholds now is had by whoever is granted it once somebody enables the owner again.
    """
    gaining = {change.agent for change in scene.access if change.gains}
    granted = {spec.agent for spec in scene.fresh.values() if isinstance(spec, Grant)}
    for name in sorted(gaining | granted | set(scene.agents())):
        agent = scene.planned.of(Agent).get(name)
        if agent is None:
            continue
        owner = scene.planned.of(Owner).get(agent.owner)
        if owner is not None and owner.state is not OwnerState.ACTIVE:
            said = f"agent {quoted(name)} has owner {quoted(agent.owner)}, who is disabled"
            yield scene.finding(Check.OWNER_INACTIVE, said, agent=name, key=(Kind.AGENTS, name))
        if agent.review_by < scene.live.at.date():
            said = f"the review of agent {quoted(name)} was due on {agent.review_by.isoformat()}"
            yield scene.finding(Check.REVIEW_OVERDUE, said, agent=name, key=(Kind.AGENTS, name))


def expired_exceptions(scene: Scene) -> Iterator[GateFinding]:
    """Exceptions that are over and declared all the same: written anew, or beside what agents gain."""
    gains = any(change.gains for change in scene.access)
    for one in scene.declared.objects:
        if not isinstance(one.spec, DriftException) or scene.live.at < one.spec.expires_at:
            continue
        if gains or one.key in scene.changed:
            ended = f"ended on {one.spec.expires_at.date().isoformat()}: it accepts nothing, take it out of the code"
            yield scene.finding(Check.EXCEPTION_EXPIRED, f"drift exception {quoted(one.name)} {ended}", key=one.key)


def assertions(scene: Scene) -> Iterator[GateFinding]:
    """What policies assert, asked of the decision point as things would be."""
    if scene.proved.now is None:
        return
    directory = directory_of(scene.planned.of(User))
    for name, policy in sorted(scene.planned.of(Policy).items()):
        for broken in broken_assertions(policy.assertions, scene.proved.now, directory, scene.live.at):
            said = f"policy {quoted(name)}: {broken.path} is {broken.reason}"
            yield scene.finding(Check.ASSERTION_FAILED, said, key=(Kind.POLICIES, name))


def unproven(scene: Scene) -> Iterator[GateFinding]:
    """What nobody can tell is never taken for unchanged."""
    for one in scene.declared.unproven_in_order:
        said = f"{quoted(one.address)} is unproven: {', '.join(map(quoted, one.attributes))} not known at plan"
        yield _unproven(scene, said, None)
    if scene.proved.refused:
        yield _unproven(scene, f"nothing could be proved: {quoted(scene.proved.refused)}", None)
    for proof in scene.proved.proofs:
        if proof.movement is Movement.UNPROVEN:
            said = f"{_who(proof)} {_what(proof)} is unproven: {quoted(proof.why)}"
            yield _unproven(scene, said, proof.agent)
    for change in scene.access:
        if UNPROVEN in change.factors:
            yield _unproven(scene, f"what agent {quoted(change.agent)} gains is unproven", change.agent)
    if not scene.live.complete:
        yield _unproven(scene, "the registry was written to while it was read", None)


def left_behind(scene: Scene) -> Iterator[GateFinding]:
    """What counts as gone, because no code declares it, and stays all the same."""
    for kind, name in scene.declared.left_behind(scene.live):
        spec = scene.was.find(kind, name)
        said = f"{kind.singular} {quoted(name)} is left behind: no code declares it, and the plan does not take it away"
        yield _unproven(scene, said, spec.agent if isinstance(spec, Grant) else None)


def mass_change(scene: Scene) -> Iterator[GateFinding]:
    """The circuit breaker: too many agents at once, or too much of what is granted taken away."""
    touched = len(scene.access)
    if touched > scene.rules.mass_agents:
        yield scene.finding(Check.MASS_CHANGE, f"{touched} agents gain or lose access at once")
    grants = {key for key in scene.live.stored if key[0] is Kind.GRANTS}
    gone = sum(scene.planned.find(*key) is None for key in grants & scene.changed)
    if gone > 1 and 100 * gone > scene.rules.mass_removed_pct * len(grants):
        yield scene.finding(Check.MASS_CHANGE, f"{gone} of {len(grants)} grants are taken away at once")


def _unproven(scene: Scene, said: str, agent: str | None) -> GateFinding:
    check = Check.UNPROVEN_IN_PRODUCTION if scene.is_production(agent) else Check.UNPROVEN
    return scene.finding(check, said, agent=agent)


def widened(proof: AccessProof) -> str:
    """What a proof shows, in a sentence."""
    tool = quoted(f"{proof.tool_server}/{proof.tool}")
    on = f" on {quoted(proof.witness.resource)}" if proof.witness is not None else ""
    return f"{_who(proof)} {tool}{on} is allowed that was denied"


def by_agent_and_tool(proofs: Iterable[AccessProof]) -> Iterator[list[AccessProof]]:
    """Proofs of one agent and one tool together, in their order."""
    found: dict[tuple[str | None, str, str], list[AccessProof]] = {}
    for one in proofs:
        found.setdefault((one.agent, one.tool_server, one.tool), []).append(one)
    yield from found.values()


def widened_by_facts(several: list[AccessProof]) -> str:
    """What proofs show of one agent and one tool, in a sentence: the first call, and how many are like it."""
    first = several[0]
    tool, call = quoted(f"{first.tool_server}/{first.tool}"), first.witness
    on = f" on {quoted(call.resource)}" if call is not None else ""
    more = len(several) - 1 + sum(one.alike for one in several)
    others = f", and so for {more} more" if more else ""
    return f"agent {quoted(first.agent or '')} can now call {tool}{on}{_for(first)}{others}, as facts change"


def _what(proof: AccessProof) -> str:
    tool = quoted(f"{proof.tool_server}/{proof.tool}")
    on = f" on {quoted(proof.resource)}" if proof.resource is not None else ""
    return f"{tool}{on}{_for(proof)}{', where facts change,' if proof.facts else ''}"


def _for(proof: AccessProof) -> str:
    return f" for {quoted(proof.user)}" if proof.user is not None else ""


def _who(proof: AccessProof) -> str:
    who = f"for agent {quoted(proof.agent)}" if proof.agent is not None else f"on the {proof.side} side"
    return f"{who},"
