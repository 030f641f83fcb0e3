"""Say in a unit test what an agent of a stack can do, and what it cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from leasehold_cdktf.access import Standing, reach_of
from leasehold_cdktf.agents import Agent
from leasehold_cdktf.algebra import admits
from leasehold_cdktf.names import check_resources, check_tools, did_you_mean
from leasehold_cdktf.patterns import covers, overlaps
from leasehold_cdktf.picture import Picture, Synthesised
from leasehold_cdktf.tools import NamedToolServer, ToolServer

Stacks = Synthesised | Sequence[Synthesised]
Server = ToolServer | NamedToolServer | str


def assert_can(  # noqa: PLR0913  one keyword per part of the question
    stacks: Stacks,
    agent: Agent | str,
    tool: str,
    *,
    on: str,
    arguments: Mapping[str, object] | None = None,
    server: Server | None = None,
    at: datetime | None = None,
) -> None:
    """Fail unless the agent may call `tool` on all of `on`, by what the stacks declare.

    Args:
        stacks: A stack, its synthesised JSON, or several: give the platform's stack along where ceilings, scopes or
            owners are declared there.
        agent: The agent, or its name.
        tool: A tool's name.
        on: A resource, or a pattern that must be covered whole by one grant.
        arguments: Those of the call. Left out, any arguments must be allowed: a grant that limits them is not enough.
        server: On which tool server; on any, if left out.
        at: An aware time that grants may have expired by; expiries do not count if left out.

    Raises:
        AssertionError: it may not, or that cannot be proven; the message lists what it holds.
        ValueError: there is no such agent or tool in the stacks.
    """
    question = _Question(stacks, agent, tool, on, server, at)
    held = [reach for reach in question.reach if reach.standing is Standing.HELD]
    fitting = (reach for reach in held if covers(reach.tool, tool) and covers(reach.resource, on))
    if not any(admits(reach.limits, arguments or {}) for reach in fitting):
        raise AssertionError(question.answer("cannot", arguments))


def assert_cannot(  # noqa: PLR0913  as above
    stacks: Stacks,
    agent: Agent | str,
    tool: str,
    *,
    on: str,
    arguments: Mapping[str, object] | None = None,
    server: Server | None = None,
    at: datetime | None = None,
) -> None:
    """Fail if the agent may call `tool` on any part of `on`, or if that cannot be ruled out.

    The arguments are those of `assert_can`; `*` as `tool` means any tool. Without `arguments`, there must be none that
    it may call the tool with.

    Raises:
        AssertionError: it may, or the stacks leave it open; the message lists what it holds.
        ValueError: there is no such agent or tool in the stacks.
    """
    question = _Question(stacks, agent, tool, on, server, at)
    touching = [
        reach
        for reach in question.reach
        if reach.standing is not Standing.WITHHELD
        and overlaps(reach.tool, tool)
        and overlaps(reach.resource, on)
        and (arguments is None or admits(reach.limits, arguments))
    ]
    if any(reach.standing is Standing.HELD for reach in touching):
        raise AssertionError(question.answer("can", arguments))
    if touching:
        raise AssertionError(question.answer("may perhaps", arguments))


class _Question:
    """May this agent call that tool there? With everything of the stacks that bears on it."""

    def __init__(
        self, stacks: Stacks, agent: Agent | str, tool: str, on: str, server: Server | None, at: datetime | None
    ) -> None:
        check_tools([tool])
        check_resources([on])
        picture = Picture.of(stacks)
        self.agent = agent if isinstance(agent, str) else agent.name
        self.server = server if server is None or isinstance(server, str) else server.name
        self.tool, self.on = tool, on
        agents = picture.all("leasehold_agent")
        if self.agent not in agents:
            raise ValueError(f"the stacks declare no agent `{self.agent}`: {did_you_mean(self.agent, agents)}")
        self.everything = reach_of(picture, self.agent, at)
        self.reach = [r for r in self.everything if self.server is None or overlaps(r.tool_server, self.server)]
        self._check_tool(picture)

    def _check_tool(self, picture: Picture) -> None:
        """A slip in the tool's name must not make `assert_cannot` pass."""
        servers = picture.all("leasehold_tool_server")
        asked = {self.server} if self.server else {reach.tool_server for reach in self.everything} | set(servers)
        if not asked or not asked <= set(servers):
            return
        known = {tool for name in asked for tool in servers[str(name)]["tools"]}
        if self.tool != "*" and self.tool not in known:
            raise ValueError(f"no tool server here has a tool `{self.tool}`: {did_you_mean(self.tool, known)}")

    def answer(self, verb: str, arguments: Mapping[str, object] | None) -> str:
        """A refutation: the verdict, then all that the agent holds."""
        where = f" of `{self.server}`" if self.server else ""
        given = f" with {dict(arguments)!r}" if arguments is not None else ""
        lines = [f"agent `{self.agent}` {verb} call `{self.tool}`{where} on `{self.on}`{given}; it holds:"]
        held = sorted(str(reach) for reach in self.everything) or ["nothing"]
        return "\n".join([*lines, *(f"  {reach}" for reach in held)])
