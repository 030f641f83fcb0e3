"""C4: what no one may hold together, and who may give themselves more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from leasehold.model.kinds import Kind
from leasehold.model.patterns import covers
from leasehold.model.principal import Role
from leasehold.model.tools import Tool, ToolServer
from leasehold.model.trust import WorkloadBinding
from leasehold.review.becoming import matches_all
from leasehold.review.entitlements import EVERY_TOOL, Entitlements
from leasehold.review.gate.rules import Check
from leasehold.review.gate.scenes import Scene
from leasehold.review.gate.verdicts import GateFinding
from leasehold.review.quotation import quoted

_MIGHTY = frozenset({Role.DEVELOPER, Role.APPROVER, Role.SECURITY_ADMIN})
_TRIO = ("private data", "untrusted input", "egress")


def separated(scene: Scene) -> Iterator[GateFinding]:
    """An agent that would hold tools of both sets of a rule, and does not today."""
    for agent in _gaining(scene):
        was, now = _in_hand(scene, agent)
        for rule in scene.rules.separations:
            both = _any(now, rule.left) and _any(now, rule.right)
            if both and not (_any(was, rule.left) and _any(was, rule.right)):
                pair = f"{quoted(_any(now, rule.left))} and {quoted(_any(now, rule.right))}"
                said = f"agent {quoted(agent)} would hold {pair} together ({quoted(rule.name)})"
                yield scene.finding(Check.SEPARATION_OF_DUTY, said, agent=agent)


def toxic_trios(scene: Scene) -> Iterator[GateFinding]:
    """An agent that would read private data, take in what strangers write, and send out: one injection empties it."""
    for agent in _gaining(scene):
        was, now = (_trio(one, scene) for one in _in_hand(scene, agent))
        if all(now) and not all(was):
            parts = ", ".join(f"{word} by {quoted(tool)}" for word, tool in zip(_TRIO, now, strict=True))
            said = f"agent {quoted(agent)} would have private data, untrusted input and egress together: {parts}"
            yield scene.finding(Check.TOXIC_TRIO, said, agent=agent)


def self_escalations(scene: Scene) -> Iterator[GateFinding]:
    """A platform role for the workload of an agent, or for whoever asked: they could grant themselves the rest."""
    every = scene.planned.of(WorkloadBinding)
    agents = [(name, one) for name, one in sorted(every.items()) if one.agent is not None]
    mighty = [(name, one) for name, one in sorted(every.items()) if one.role in _MIGHTY]
    fresh = {name for kind, name in scene.fresh if kind is Kind.WORKLOAD_BINDINGS}
    for (name, agent), (role_name, role) in product(agents, mighty):
        if (name in fresh or role_name in fresh) and _may_be_the_same(agent, role):
            who, key = str(agent.agent), (Kind.WORKLOAD_BINDINGS, name if name in fresh else role_name)
            said = f"the workload of agent {quoted(who)} would be {role.role}, and could widen its own grants"
            yield scene.finding(Check.SELF_ESCALATION, said, agent=who, key=key)
    for name, role in mighty:
        if name in fresh and scene.author is not None and scene.author.id == f"{role.issuer_type.value}:{name}":
            said = f"{quoted(scene.author.id)} asks to be {role.role} itself"
            yield scene.finding(Check.SELF_ESCALATION, said, key=(Kind.WORKLOAD_BINDINGS, name))


def _may_be_the_same(one: WorkloadBinding, other: WorkloadBinding) -> bool:
    same_issuer = one.trust_issuer == other.trust_issuer
    overlap = matches_all(one.subject, other.subject) or matches_all(other.subject, one.subject)
    return same_issuer and overlap


def _gaining(scene: Scene) -> list[str]:
    """Agents that are granted more, or that policies or what they read let call a tool that they could not."""
    granted = {change.agent for change in scene.access if change.gains}
    return sorted(granted | {agent for agent, _ in scene.woken})


def _in_hand(scene: Scene, agent: str) -> tuple[set[str], set[str]]:
    """The tools of an agent, before and after. What it was granted and could not call for anybody, it did not have."""
    was, now = (
        set(_tools(one)) for one in (scene.comparison.declared_access(agent), scene.comparison.live_access(agent))
    )
    woken = {tool for one, tool in scene.woken if one == agent}
    return was - woken, now | woken


def _tools(held: Entitlements) -> Iterator[str]:
    return (f"{one.tool_server}/{one.tool}" for one in held if one.tool != EVERY_TOOL)


def _any(tools: Iterable[str], patterns: Iterable[str]) -> str:
    """The first tool of the set; empty if there is none."""
    among = tuple(patterns)
    return next((tool for tool in sorted(tools) if any(covers(pattern, tool) for pattern in among)), "")


def _trio(held: set[str], scene: Scene) -> tuple[str, str, str]:
    servers, labels = scene.planned.of(ToolServer), scene.rules.labels
    tools = {name: _definition(servers, name) for name in sorted(held)}
    private = {name for name, tool in tools.items() if _says(tool, reads=True, open_world=False)}
    untrusted = {name for name, tool in tools.items() if _says(tool, reads=True, open_world=True)}
    egress = {name for name, tool in tools.items() if _says(tool, reads=False, open_world=True)}
    return (
        min(private, default="") or _any(tools, labels.private),
        min(untrusted, default="") or _any(tools, labels.untrusted),
        min(egress, default="") or _any(tools, labels.egress),
    )


def _definition(servers: Mapping[str, ToolServer], name: str) -> Tool | None:
    server, _, tool = name.partition("/")
    found = servers.get(server)
    return found.tools.get(tool) if found is not None else None


def _says(tool: Tool | None, *, reads: bool, open_world: bool) -> bool:
    """What the annotations say outright; silence says nothing here, or every agent would have all three."""
    hints = tool.annotations if tool is not None else None
    return hints is not None and hints.read_only_hint is reads and hints.open_world_hint is open_world
