"""What an agent is allowed, before an agent has it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

from leasehold_cdktf.collector import Collector, Declared, refer
from leasehold_cdktf.limits import Limit, Limits, check_limits, constraints_of
from leasehold_cdktf.names import (
    check_resources,
    check_wildcards,
    did_you_mean,
    grant_id,
    grant_local_name,
    moment,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Tools × resources of a tool server, or a whole or narrowed scope: what `.on(…)` and `.grant(…)` return.

    Hand it to `Agent(grants=[…])`. `expires_at` is RFC 3339, or None for a standing grant. `limits` are added by
    `where`.
    """

    target: Target
    tools: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    allow_wildcard: bool = False
    justification: str = ""
    expires_at: str | None = None
    limits: Limits = field(default_factory=dict)

    def where(self, limits: Limits | None = None, /, **named: Limit) -> Grant:
        """The same, for calls with such arguments only: `.where(amount=at_most(50), table=one_of_prefixes("sales_"))`.

        Every argument that is named must be there, in calls of each tool of the grant; others are free.

        Args:
            limits: Limits by argument, for arguments whose names are no Python names.
            named: Limits by argument.

        Raises:
            ValueError: no limit, an argument that is misnamed or limited twice, or too many.
        """
        wanted = [*(limits or {}).items(), *named.items()]
        if not wanted:
            raise ValueError("name at least one argument, such as .where(amount=at_most(50))")
        merged = dict(self.limits)
        for name, limit in wanted:
            if name in merged:
                raise ValueError(f"argument `{name}` is limited twice: say all of it in one limit")
            merged[name] = limit
        return replace(self, limits=check_limits(merged))

    def declare(self, agent: str, reference: str, collector: Collector) -> str:
        """Declare `leasehold_grant` for the agent of this name and Terraform reference; return its address."""
        constraints = constraints_of(self.limits)
        local = grant_local_name(grant_id(agent, self.target.name, self.tools, self.resources, constraints or {}))
        attributes = {
            "agent": reference,
            self.target.ATTRIBUTE: self.target.reference(collector),
            "tools": sorted(self.tools) or None,
            "resources": sorted(self.resources) or None,
            "constraints": constraints,
            "allow_wildcard": self.allow_wildcard or None,
            "justification": self.justification or None,
            "expires_at": self.expires_at,
        }
        collector.add("leasehold_grant", local, attributes)
        return f"leasehold_grant.{local}"


class Target:
    """What a grant may point to: a tool server or a scope, declared here or elsewhere."""

    ATTRIBUTE = ""  # the attribute of `leasehold_grant` that names it
    name: str

    def reference(self, user: Collector) -> str:
        """How a resource of `user`'s stack names this."""
        return refer(self if isinstance(self, Declared) else self.name, user)


@dataclass(frozen=True, slots=True)
class Tools:
    """Some tools of a server: say on which resources with `.on(…)`."""

    server: Target
    names: frozenset[str]

    def on(
        self,
        *resources: str,
        expires_at: str | datetime | None = None,
        justification: str = "",
        allow_wildcard: bool = False,
    ) -> Grant:
        """These tools on these resources, each `type:identifier` such as `repo:web`.

        Raises:
            ValueError: no resource, a malformed one, an unjustified wildcard, or a time without a zone.
        """
        if not resources:
            raise ValueError('name at least one resource, such as .on("repo:web")')
        return _grant(self.server, self.names, resources, expires_at, justification, allow_wildcard=allow_wildcard)


class OffersTools(Target):
    """A tool server as grants see it."""

    ATTRIBUTE = "tool_server"
    known_tools: frozenset[str] | None
    """The tools it lists, or None if they are declared where we cannot see them."""

    def tool(self, name: str) -> Tools:
        """One tool of this server, or `*` for all of them.

        Raises:
            ValueError: the server lists its tools and this is none of them.
        """
        return self.tools(name)

    def tools(self, *names: str) -> Tools:
        """Several tools of this server.

        Raises:
            ValueError: the server lists its tools and one of these is none of them.
        """
        if not names:
            raise ValueError(f'name at least one tool of `{self.name}`, such as .tools("read_file")')
        self.check_listed(names)
        return Tools(self, frozenset(names))

    def check_listed(self, names: Collection[str]) -> None:
        """Raise `ValueError`, with the name that was probably meant, for a tool that this server does not list."""
        for name in names:
            if self.known_tools is not None and name != "*" and name not in self.known_tools:
                raise ValueError(
                    f"tool server `{self.name}` has no tool `{name}`: {did_you_mean(name, self.known_tools)}"
                )


class OffersGrants(Target):
    """A scope as grants see it."""

    ATTRIBUTE = "scope"

    def grant(self, *, expires_at: str | datetime | None = None, justification: str = "") -> Grant:
        """The whole scope.

        Raises:
            ValueError: a time without a zone.
        """
        return _grant(self, (), (), expires_at, justification)

    def on(
        self,
        *resources: str,
        expires_at: str | datetime | None = None,
        justification: str = "",
        allow_wildcard: bool = False,
    ) -> Grant:
        """The scope's tools, on these of its resources only.

        Raises:
            ValueError: no resource, a malformed one, an unjustified wildcard, or a time without a zone.
        """
        if not resources:
            raise ValueError("name at least one resource, or grant the whole scope with .grant()")
        return _grant(self, (), resources, expires_at, justification, allow_wildcard=allow_wildcard)


def _grant(
    target: Target,
    tools: Collection[str],
    resources: Collection[str],
    expires_at: str | datetime | None,
    justification: str,
    *,
    allow_wildcard: bool = False,
) -> Grant:
    check_resources(resources)
    check_wildcards((*tools, *resources), allow_wildcard=allow_wildcard, justification=justification)
    return Grant(
        target=target,
        tools=frozenset(tools),
        resources=frozenset(resources),
        allow_wildcard=allow_wildcard,
        justification=justification,
        expires_at=moment(expires_at, "expires_at"),
    )
