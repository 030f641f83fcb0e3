"""Policies: Cedar documents that judge agents, or the users whom they act for, and the decisions they must make."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from leasehold_cdktf._cdk import Construct
from leasehold_cdktf.agents import Agent
from leasehold_cdktf.collector import Collector, Declared, refer
from leasehold_cdktf.directory import User
from leasehold_cdktf.names import check_document, check_entity, check_tools, literal
from leasehold_cdktf.tools import NamedToolServer, ToolServer

Side = Literal["agent", "user"]
Json = Mapping[str, Any]  # Any: JSON of every shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool call whose decision is asserted: by an agent, for a user or for none, or by a user's own permissions."""

    tool_server: ToolServer | NamedToolServer | str
    tool: str
    agent: Agent | str | None = None
    user: User | str | None = None
    resource: str | None = None
    properties: Json = field(default_factory=dict)
    arguments: Json = field(default_factory=dict)
    context: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.agent is None and self.user is None:
            raise ValueError("a call is by an agent, for a user or both: name one")
        check_tools((self.tool,))
        if self.tool == "*":
            raise ValueError("a call is of one tool: `*` is none")
        if self.resource is not None:
            check_entity(self.resource, "resource")

    def attributes(self, user: Collector) -> dict[str, object]:
        """The assertion as Terraform takes it."""
        server = ToolServer.named(self.tool_server) if isinstance(self.tool_server, str) else self.tool_server
        server.check_listed((self.tool,))
        given = {
            "agent": refer(self.agent, user) if self.agent is not None else None,
            "user": refer(self.user, user) if self.user is not None else None,
            "tool_server": server.reference(user),
            "tool": self.tool,
            "resource": self.resource,
            "properties": _json(self.properties),
            "arguments": _json(self.arguments),
            "context": _json(self.context),
        }
        return {key: value for key, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A foreign question whose decision is asserted; subject and resource read `type:id`.

    `properties` is what the asker claims of the resource.
    """

    subject: str
    action: str
    resource: str
    properties: Json = field(default_factory=dict)
    context: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_entity(self.subject, "subject")
        check_entity(self.resource, "resource")

    def attributes(self, _user: Collector) -> dict[str, object]:
        """The assertion as Terraform takes it."""
        given: dict[str, object] = {"subject": self.subject, "action": self.action, "resource": self.resource}
        texts = {"properties": _json(self.properties), "context": _json(self.context)}
        return given | {key: text for key, text in texts.items() if text is not None}


class Policy(Declared):
    """A Cedar document of one side. A plan stops, with the line, at what the registry's engine cannot read.

    A policy stands after the tool servers of its stack, whose tools it names as `Action::"<tool server>/<tool>"`.

    Args:
        document: The Cedar text, at most 64 KiB; every permit names its actions.
        side: Whom it judges: the `agent`, or the `user` whom it acts for. Both must allow.
        mode: `log_only` records what it would have decided otherwise; `enforce` if left out.
        permits: `beyond_grants` lets a permit of the agent's side grant by itself; else it says when a grant holds.
        schema: A Cedar schema of actions that no tool server has, for other applications that ask.
        description: One line for reports.
        allow: Requests that must be allowed.
        deny: Requests that must be denied.
        name: The name in the registry; the construct's id if left out.

    Raises:
        ValueError: the document is empty, too long, or holds invisible characters; or an assertion is no request.
    """

    KIND = "leasehold_policy"

    def __init__(  # noqa: PLR0913  one keyword per attribute
        self,
        scope: Construct,
        id_: str,
        *,
        document: str,
        side: Side,
        mode: Literal["log_only", "enforce"] | None = None,
        permits: Literal["within_grants", "beyond_grants"] | None = None,
        schema: str | None = None,
        description: str | None = None,
        allow: Collection[Call | Question] = (),
        deny: Collection[Call | Question] = (),
        name: str | None = None,
    ) -> None:
        check_document(document)
        if side not in {"agent", "user"}:
            raise ValueError(f"side `{side}` must be `agent` or `user`")
        super().__init__(scope, id_, name)
        asserted = {
            what: [one.attributes(self.collector) for one in requests]
            for what, requests in (("allow", allow), ("deny", deny))
            if requests
        }
        self.declare(
            {
                "document": document,
                "side": side,
                "mode": mode,
                "permits": permits,
                "schema": schema,
                "description": description,
                "assertions": asserted or None,
            }
        )

    @classmethod
    def from_file(  # noqa: PLR0913  one keyword per attribute
        cls,
        scope: Construct,
        id_: str,
        path: str | Path,
        *,
        side: Side,
        mode: Literal["log_only", "enforce"] | None = None,
        permits: Literal["within_grants", "beyond_grants"] | None = None,
        schema: str | None = None,
        description: str | None = None,
        allow: Collection[Call | Question] = (),
        deny: Collection[Call | Question] = (),
        name: str | None = None,
    ) -> Policy:
        """The policy of a `.cedar` file, to the letter: what looks like a Terraform expression in it is none."""
        return cls(
            scope,
            id_,
            document=literal(Path(path).read_text(encoding="utf-8")),
            side=side,
            mode=mode,
            permits=permits,
            schema=schema,
            description=description,
            allow=allow,
            deny=deny,
            name=name,
        )


def _json(given: Json) -> str | None:
    return json.dumps(given, sort_keys=True) if given else None
