"""Grants (a standing permission to lease), the exclusive set of an agent's grants, and the ceilings above them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar

from leasehold.model.arguments import ArgumentConstraint, Declared, check_constraints, constraint_text
from leasehold.model.clients import DpopUse
from leasehold.model.errors import InvalidValue
from leasehold.model.names import check_name, check_resource, check_text, check_tool, has_wildcard
from leasehold.model.people import TTL_MAX_SECONDS, TTL_MIN_SECONDS
from leasehold.model.tools import check_reach

_STRICT = {"extra": "forbid", "strict": False, "str_max_length": 65_536}
_ID_LIMIT = 400
_DIGEST = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """An agent may lease a named `scope` (all of it, or the `resources` given), or `tools` of a `tool_server`.

    Its name in the registry is `grant_id(…)`, so one edge has one name. `constraints` bind arguments of every tool that
    is granted, beside those of the scope. `expires_at` is aware UTC, or None for a standing grant.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    agent: str
    scope: str | None = None
    tool_server: str | None = None
    tools: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    allow_wildcard: bool = False
    justification: str = ""
    expires_at: datetime | None = None
    constraints: Mapping[str, ArgumentConstraint] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.agent, "agent")
        check_constraints(self.constraints)
        if (self.scope is None) == (self.tool_server is None):
            raise InvalidValue("name exactly one of scope and tool_server")
        if self.expires_at is not None and self.expires_at.tzinfo is None:
            raise InvalidValue("expires_at must carry a time zone")
        if self.tool_server is not None:
            check_name(self.tool_server, "tool_server")
            check_reach(
                self.tools, self.resources, allow_wildcard=self.allow_wildcard, justification=self.justification
            )
        elif self.scope is not None:
            self._check_scoped(self.scope)

    def _check_scoped(self, scope: str) -> None:
        check_name(scope, "scope")
        check_text(self.justification, "justification")
        if self.tools:
            raise InvalidValue("tools belong to a grant on a tool_server; a scope brings its own")
        for resource in self.resources:
            check_resource(resource)
        if has_wildcard(self.resources) and not (self.allow_wildcard and self.justification.strip()):
            raise InvalidValue("a wildcard needs allow_wildcard = true and a justification")

    @property
    def id(self) -> str:
        """The registry name of this edge."""
        return grant_id(self.agent, self.scope or self.tool_server or "", self.tools, self.resources, self.constraints)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantSet:
    """The exclusive claim of an agent's whole set of grants: what is not in `grants` is not meant to live."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    grants: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """Upper bound for a principal: `agent:<name>`, `team:<name>`, `environment:<name>` or `organization`.

    A grant must lie within the union of `scopes` of *every* ceiling that applies; no scopes means nothing is allowed.
    `max_ttl` caps token lifetime, in seconds. `dpop` required binds every token beneath to a key.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    principal: str
    scopes: frozenset[str]
    max_ttl: int | None = None
    dpop: DpopUse = DpopUse.OFF

    def __post_init__(self) -> None:
        what, _, name = self.principal.partition(":")
        if what in {"agent", "team", "environment"}:
            check_name(name, what)
        elif self.principal != "organization":
            raise InvalidValue("principal must read agent:<name>, team:<name>, environment:<name> or organization")
        for scope in self.scopes:
            check_name(scope, "scope")
        if self.max_ttl is not None and not TTL_MIN_SECONDS <= self.max_ttl <= TTL_MAX_SECONDS:
            raise InvalidValue(f"max_ttl must be {TTL_MIN_SECONDS} to {TTL_MAX_SECONDS} seconds")


def grant_id(
    agent: str,
    target: str,
    tools: frozenset[str],
    resources: frozenset[str],
    constraints: Declared = MappingProxyType({}),
) -> str:
    """The readable name of an edge: `triage/github.read_file@repo:web`, or `triage/web-reader` for a whole scope.

    Several tools or resources are sorted and joined with `+`; constraints follow, each after a comma, as in
    `billing/crm.refund@crm:acme,amount:..50`. Past 400 characters the tail is cut and 16 hex digits of the SHA-256 of
    the whole stand in for it, after a `~`.
    """
    for tool in tools:
        check_tool(tool)
    text = f"{agent}/{target}"
    if tools:
        text += "." + "+".join(sorted(tools))
    if resources:
        text += "@" + "+".join(sorted(resources))
    text += constraint_text(constraints)
    if len(text) <= _ID_LIMIT:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
    return f"{text[: _ID_LIMIT - _DIGEST - 1]}~{digest}"
