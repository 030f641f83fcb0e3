"""Drift of what policies ask about: which agents can call more or less because people, things or relations moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from leasehold.model.directory import Relation, Resource, User
from leasehold.model.entities import AGENT, GATHERINGS, USER, EntityRef
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.people import Agent
from leasehold.model.tools import ToolServer
from leasehold.policy.cedar.naming import cedar_ref
from leasehold.policy.directory import Directory, directory_of
from leasehold.policy.proving.comparing import Movement
from leasehold.review.differences import NOTHING, Comparison, Difference
from leasehold.review.drafts import Draft
from leasehold.review.entitlements import EVERY_TOOL, Entitlements
from leasehold.review.findings import DriftClass, Entitlement
from leasehold.review.proofs import AccessProof, prove_facts
from leasehold.review.quotation import quoted
from leasehold.review.risk import MAY_DIFFER, UNPROVEN, Assessment, Setting, in_production, of_gain, of_loss
from leasehold.review.sentences import access_sentence

ASKED = frozenset({Kind.USERS, Kind.RESOURCES, Kind.RELATIONS})
_WIDER, _NARROWER = {Movement.WIDENS, Movement.BOTH}, {Movement.NARROWS, Movement.BOTH}


def drafts_by_facts(found: Sequence[Difference], comparison: Comparison) -> Iterator[Draft]:
    """One draft per object and agent that it lets call more or less, or of which nobody can tell."""
    asked = [one for one in found if one.key[0] in ASKED or one.key[0] is Kind.AGENTS]
    if not asked:
        return
    sides = comparison.sides
    proofs = prove_facts(sides.declared, sides.live, comparison.now).proofs
    directory = directory_of({**sides.declared.of(User), **sides.live.of(User)})
    told: set[int] = set()
    for difference in asked:
        mine = [one for one in proofs if _bears_on(difference, one, directory)]
        told |= {id(one) for one in mine}
        yield from _drafts(difference, mine, comparison)
    rest = [one for one in proofs if id(one) not in told]
    first = next((one for one in asked if one.key[0] in ASKED), asked[0])
    yield from _drafts(first, rest, comparison)


def _bears_on(difference: Difference, proof: AccessProof, directory: Directory) -> bool:
    """True if the proof is about what the difference is about, as far as that goes by name."""
    return any(
        _is_about(spec, difference.key[1], proof, directory)
        for spec in (difference.declared, difference.live)
        if spec is not None
    )


def _is_about(spec: Spec, name: str, proof: AccessProof, directory: Directory) -> bool:
    match spec:
        case User():
            return proof.user == name
        case Resource():
            return proof.resource == str(cedar_ref(EntityRef(spec.type, spec.foreign_id)))
        case Relation():
            ends = [_ref(end, directory) for end in (spec.subject, spec.object)]
            return any(_is_named(end, proof) for end in ends) or any(end.type in GATHERINGS for end in ends)
        case Agent():
            return proof.agent == name and proof.user is None and proof.resource is None
        case _:
            return False


def _ref(text: str, directory: Directory) -> EntityRef:
    type_, _, id_ = text.partition(":")
    return directory.ref(type_, id_)


def _is_named(ref: EntityRef, proof: AccessProof) -> bool:
    if ref.type == USER:
        return proof.user == ref.id
    return proof.agent == ref.id if ref.type == AGENT else proof.resource == str(cedar_ref(ref))


def _drafts(difference: Difference, proofs: Iterable[AccessProof], comparison: Comparison) -> Iterator[Draft]:
    by_agent: dict[str, list[AccessProof]] = {}
    for one in proofs:
        by_agent.setdefault(one.agent or "", []).append(one)
    yield from (_draft(difference, agent, mine, comparison) for agent, mine in sorted(by_agent.items()))


def _draft(difference: Difference, agent: str, proofs: list[AccessProof], comparison: Comparison) -> Draft:
    gains = _reached([one for one in proofs if one.movement in _WIDER], agent, comparison)
    losses = _reached([one for one in proofs if one.movement in _NARROWER], agent, comparison)
    unproven = any(one.movement is Movement.UNPROVEN for one in proofs)
    assessed = _assess(gains, losses, agent, comparison)
    direction = DriftClass.WIDENED if gains else DriftClass.NARROWED if losses else DriftClass.CHANGED
    return Draft(
        difference.presence or direction,
        difference.key,
        agent,
        _sentence(difference, agent, (gains, losses), proofs),
        assessed.raised(0, UNPROVEN) if unproven else assessed,
        difference,
        gains,
        losses,
    )


def _assess(gains: Entitlements, losses: Entitlements, agent: str, comparison: Comparison) -> Assessment:
    production = in_production(comparison.sides.live.of(Agent).get(agent))
    if gains:
        return of_gain(gains, Setting(production=production, standing=True, out_of_band=True))
    return of_loss(production=production) if losses else Assessment(2, (MAY_DIFFER,))


def _sentence(
    difference: Difference, agent: str, moved: tuple[Entitlements, Entitlements], proofs: list[AccessProof]
) -> str:
    through = f", through {difference.key[0].singular} {quoted(difference.key[1])}"
    people = sorted({one.user for one in proofs if one.user is not None})
    whom = f", for {quoted(people[0])}" if people else ""
    more = len(people) - 1 + sum(one.alike for one in proofs if one.user is not None)
    others = f" and {more} more" if people and more else ""
    if not any(moved):
        return f"what agent {quoted(agent)} can call is unproven{whom}{others}{through}"
    return access_sentence(agent, *moved, through=f"{whom}{others}{through}")


def _reached(proofs: list[AccessProof], agent: str, comparison: Comparison) -> Entitlements:
    """What the calls are of: on the resource that a proof names, else on what the agent holds of the tool."""
    found = NOTHING
    for one in proofs:
        held = {
            deed
            for deed in comparison.live_access(agent) | comparison.declared_access(agent)
            if deed.tool_server == one.tool_server and deed.tool in {one.tool, EVERY_TOOL}
        }
        resources = {one.resource} if one.resource is not None else {deed.resource for deed in held}
        if not resources and one.witness is not None:
            resources = {one.witness.resource}
        found |= {_entitlement(one, resource, comparison) for resource in resources}
    return found


def _entitlement(proof: AccessProof, resource: str, comparison: Comparison) -> Entitlement:
    server = comparison.sides.live.of(ToolServer).get(proof.tool_server)
    tool = server.tools.get(proof.tool) if server is not None else None
    return Entitlement(proof.tool_server, proof.tool, tool.action if tool is not None else None, resource)
