"""C1, C2 and C8: what a plan names is there, lies beneath every ceiling, and is nobody else's."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import get_close_matches

from leasehold.model.access import applies, reach_of_grant
from leasehold.model.authority.order import Verdict
from leasehold.model.ceilings import first_excess
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.kinds import Kind
from leasehold.model.objects import SPECS, Spec, references
from leasehold.model.patterns import covers
from leasehold.model.people import Agent, Owner
from leasehold.model.principal import Role
from leasehold.model.tools import Scope, ToolServer
from leasehold.review.gate.rules import Check
from leasehold.review.gate.scenes import Scene
from leasehold.review.gate.verdicts import GateFinding
from leasehold.review.quotation import quoted
from leasehold.review.worlds import Key

_BOUNDING = frozenset({Kind.CEILINGS, Kind.SCOPES, Kind.OWNERS, Kind.AGENTS})


def unknown_references(scene: Scene) -> Iterator[GateFinding]:
    """Tools, scopes, owners and agents that nobody has: they would grant nothing, or what comes by that name later."""
    for key, spec in scene.fresh.items():
        for one in references(key[1], spec):
            if (
                scene.planned.find(one.kind, one.name) is None
                and (one.kind, one.name) not in scene.declared.unproven_keys
            ):
                said = f"{_what(key)} names {one.kind.singular} {quoted(one.name)}, which is not there"
                yield scene.finding(Check.UNKNOWN_REFERENCE, said + _hint(one.name, _names(scene, one.kind)), key=key)
        yield from _unknown_tools(scene, key, spec)


def above_ceilings(scene: Scene) -> Iterator[GateFinding]:
    """Grants that stick out above a ceiling: they would be withheld whole."""
    scopes = scene.planned.of(Scope)
    grants = scene.planned.of(Grant)
    wide = any(kind in _BOUNDING for kind, _ in scene.changed)
    wanted = grants if wide else {name: grants[name] for kind, name in scene.fresh if kind is Kind.GRANTS}
    for name, grant in sorted(wanted.items()):
        ceilings = _ceilings(scene, grant.agent)
        if not ceilings and _is_held(scene) and (Kind.GRANTS, name) in scene.fresh:
            said = f"no ceiling bounds agent {quoted(grant.agent)}: without one only a security-admin may grant"
            yield scene.finding(Check.ABOVE_CEILING, said, agent=grant.agent, key=(Kind.GRANTS, name))
        excess = first_excess(reach_of_grant(grant, scopes), ceilings, scopes) if ceilings else None
        if excess is None:
            continue
        where = f"{quoted(excess.reach.tool)} on {quoted(excess.reach.resource)}"
        how = "goes beyond" if excess.verdict is Verdict.NO else "cannot be compared with"
        said = f"grant {quoted(name)} {how} ceiling {quoted(excess.ceiling)}: {where}"
        yield scene.finding(Check.ABOVE_CEILING, said, agent=grant.agent, key=(Kind.GRANTS, name))


def conflicts(scene: Scene) -> Iterator[GateFinding]:
    """What two stacks declare, or another stack manages: each would undo what the other applies."""
    for key, claims in sorted(scene.declared.conflicts.items()):
        stacks = " and ".join(quoted(one.stack) for one in claims)
        yield scene.finding(Check.CONFLICT, f"{_what(key)} is declared twice: by {stacks}", key=key)
    for one, stack in scene.declared.managed_elsewhere(scene.live):
        if one.key in scene.changed:
            yield scene.finding(Check.CONFLICT, f"{_what(one.key)} is managed by stack {quoted(stack)}", key=one.key)


def _unknown_tools(scene: Scene, key: Key, spec: Spec) -> Iterator[GateFinding]:
    if not isinstance(spec, Grant | Scope) or spec.tool_server is None:
        return
    server = scene.planned.of(ToolServer).get(spec.tool_server)
    if server is None:
        return
    for tool in sorted(spec.tools):
        if not any(covers(tool, one) for one in server.tools):
            said = f"{_what(key)} names tool {quoted(tool)}, which {quoted(spec.tool_server)} does not list"
            agent = spec.agent if isinstance(spec, Grant) else None
            yield scene.finding(Check.UNKNOWN_REFERENCE, said + _hint(tool, server.tools), agent=agent, key=key)


def _is_held(scene: Scene) -> bool:
    """True if who asks grants beneath ceilings alone: the write would be refused."""
    return scene.author is not None and scene.author.role is Role.DEVELOPER


def _ceilings(scene: Scene, name: str) -> dict[str, Ceiling]:
    agent = scene.planned.of(Agent).get(name)
    owner = scene.planned.of(Owner).get(agent.owner) if agent is not None else None
    if agent is None or owner is None:
        return {}
    every = scene.planned.of(Ceiling)
    return {n: one for n, one in every.items() if applies(one, agent_name=name, agent=agent, owner=owner)}


def _names(scene: Scene, kind: Kind) -> Collection[str]:
    return list(scene.planned.of(SPECS[kind]))


def _hint(wrong: str, names: Collection[str]) -> str:
    close = get_close_matches(wrong, names, n=1)
    return f"; did you mean {quoted(close[0])}?" if close else ""


def _what(key: Key) -> str:
    return f"{key[0].singular} {quoted(key[1])}"
