"""Policies: Cedar documents on the agent's side or the user's, with the decisions they are asserted to make.

The two sides are never merged: an agent policy permits no user, and no user's permission reaches an agent.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from leasehold.model.directory import check_foreign_id, entity_id
from leasehold.model.errors import InvalidValue
from leasehold.model.json_texts import TEXT_LIMIT, canonical_object
from leasehold.model.names import check_name, check_text, check_tool
from leasehold.model.plain import plain_value
from leasehold.model.tools import ToolServer

_STRICT = {"extra": "forbid", "strict": False, "str_max_length": 65_536}
_ASSERTIONS_LIMIT = 256
_LAYOUT = frozenset("\n\r\t")


class PolicySide(StrEnum):
    """Whom a policy judges: the agent itself, or the person whom it acts for."""

    AGENT = "agent"
    USER = "user"


class PolicyMode(StrEnum):
    """`log_only`: the policy decides nothing, and what it would have changed is on record."""

    LOG_ONLY = "log_only"
    ENFORCE = "enforce"


class PolicyPermits(StrEnum):
    """What a permit of the agent's side does: it says when a grant holds, or it grants by itself."""

    WITHIN_GRANTS = "within_grants"
    BEYOND_GRANTS = "beyond_grants"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """One request whose decision is asserted.

    Either a tool call (`tool` of `tool_server` by `agent`, for `user`, on `resource`, with `arguments`) or a foreign
    question (`subject` does `action` to `resource`). Subjects and resources read `type:id`. `properties` (claims
    about the resource), `arguments` and `context` are JSON objects as text.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    agent: str | None = None
    user: str | None = None
    tool_server: str | None = None
    tool: str | None = None
    subject: str | None = None
    action: str | None = None
    resource: str | None = None
    properties: str = "{}"
    arguments: str = "{}"
    context: str = "{}"

    def __post_init__(self) -> None:
        # The one place where a frozen noun is written to: from here on there is one text for one value.
        for what in ("properties", "arguments", "context"):
            object.__setattr__(self, what, canonical_object(getattr(self, what), what))
        if self.resource is not None:
            entity_id(self.resource, "resource")
        if self.subject is not None or self.action is not None:
            self._check_foreign()
        else:
            self._check_call()

    def _check_call(self) -> None:
        if self.tool_server is None or self.tool is None or (self.agent is None and self.user is None):
            raise InvalidValue(
                "an assertion names a tool of a tool_server and an agent, a user or both; or a subject, an action and "
                "a resource"
            )
        for what, name in (("tool_server", self.tool_server), ("agent", self.agent), ("user", self.user)):
            if name is not None:
                check_name(name, what)
        check_tool(self.tool)
        if self.tool == "*":
            raise InvalidValue("an assertion is about one tool: `*` is none")

    def _check_foreign(self) -> None:
        if self.subject is None or self.action is None or self.resource is None:
            raise InvalidValue("a foreign assertion names a subject, an action and a resource")
        mixed = any(one is not None for one in (self.agent, self.user, self.tool_server, self.tool))
        if mixed or self.arguments != "{}":
            raise InvalidValue("a foreign assertion names no agent, user, tool_server, tool and arguments")
        entity_id(self.subject, "subject")
        check_foreign_id(self.action, "action")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertions:
    """Requests that must be allowed, and requests that must be denied."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    allow: tuple[Assertion, ...] = ()
    deny: tuple[Assertion, ...] = ()

    def __post_init__(self) -> None:
        if len(self.allow) + len(self.deny) > _ASSERTIONS_LIMIT:
            raise InvalidValue(f"a policy makes at most {_ASSERTIONS_LIMIT} assertions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A Cedar document of one side; many statements, each permit for actions that it names.

    `schema` is a Cedar schema of actions that no tool server has, for other applications that ask.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    document: str
    side: PolicySide
    mode: PolicyMode = PolicyMode.ENFORCE
    permits: PolicyPermits = PolicyPermits.WITHIN_GRANTS
    schema: str | None = None
    description: str = ""
    assertions: Assertions = field(default_factory=Assertions)

    def __post_init__(self) -> None:
        check_text(self.description, "description")
        check_document(self.document)
        if self.schema is not None:
            check_document(self.schema)
        if self.side is PolicySide.USER and self.permits is PolicyPermits.BEYOND_GRANTS:
            raise InvalidValue("permits = beyond_grants is of the agent's side: users have no grants")

    def decides_like(self, other: Policy) -> bool:
        """True iff neither can answer any request differently from the other."""
        return self.decisive == other.decisive

    @property
    def decisive(self) -> tuple[str | None, ...]:
        """All that decides; descriptions and assertions do not."""
        return self.side, self.mode, self.permits, self.schema, self.document


@dataclass(frozen=True, slots=True)
class PolicyProblem:
    """What is wrong with a document (or `schema`, by its path): where (lines and columns count from 1), and what.

    `unknown` says that it names what may only come to live later: a tool, a type, an attribute.
    """

    line: int
    column: int
    message: str
    unknown: bool = False
    path: str = "document"


def check_document(document: str) -> None:
    """Raise `InvalidValue` if a document is empty, over 64 KiB, or holds what a reader cannot see."""
    if not document.strip():
        raise InvalidValue("must hold at least one policy")
    if len(document.encode(errors="surrogatepass")) > TEXT_LIMIT:
        raise InvalidValue(f"must be at most {TEXT_LIMIT} bytes")
    for at, character in enumerate(document):
        if not character.isprintable() and character not in _LAYOUT:
            line = document.count("\n", 0, at) + 1
            raise InvalidValue(f"line {line} holds a control or invisible character (U+{ord(character):04X})")


def policy_set_version(policies: Mapping[str, Policy], servers: Mapping[str, ToolServer]) -> str:
    """What every decision names: the SHA-256 (hex) of all that policies and the schemas they are typed by say.

    Descriptions and assertions decide nothing and leave it as it is.
    """
    decisive = {
        "policies": {name: one.decisive for name, one in policies.items()},
        "tool_servers": {
            name: {
                tool: [definition.action, definition.input_schema, plain_value(definition.annotations)]
                for tool, definition in server.tools.items()
            }
            for name, server in servers.items()
        },
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
