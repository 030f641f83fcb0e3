"""What an enforcement point asks, and what that means to the decision point.

A question is a tool call or another application's. A tool call comes in three spellings: the action `<server>/<tool>`;
the action `<tool>` with `context.tool_server`; and the default mapping of MCP's methods (COAZ), of which `tools/call`
has the tool as its resource. On behalf of a person it comes as that person with `context.agent`, or as the agent with
`context.user`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from leasehold.decisions.assembling import State
from leasehold.decisions.mcp_questions import OPENINGS, SERVER, TOOLS_CALL, opened, person, registered_tool, thing_of
from leasehold.model.access_requests import AccessRequest, OauthMode, OauthStatus
from leasehold.model.decisions import Decision
from leasehold.model.entities import AGENT, GROUP, TOOL_SERVER, Entity, EntityRef
from leasehold.model.errors import InvalidValue
from leasehold.model.tool_resources import NoResource, filled

_NOTHING: Mapping[str, object] = {}
_OURS = frozenset(
    {"agent", "user", "tool_server", "resource", "arguments", "chain", "deployment", "source_ip", "oauth"}
)
_OWN_SUBJECT = "agent:"  # the `sub` of an autonomous agent's token


@dataclass(frozen=True, slots=True)
class Party:
    """A subject or a resource as a caller names it. `properties` are what the caller says of it."""

    type: str
    id: str
    properties: Mapping[str, object] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessQuestion:
    """One question of an enforcement point."""

    subject: Party
    action: str
    resource: Party
    properties: Mapping[str, object] = field(default_factory=lambda: _NOTHING)
    context: Mapping[str, object] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True)
class NoQuestion:
    """What stood in the place of a question. It is denied, and the others are answered."""

    message: str


def request_of(question: AccessQuestion, state: State, at: datetime) -> AccessRequest:
    """The question, as it is decided. Raises `InvalidValue` for what is no question at all."""
    action, resource = _target(question, state)
    if action not in state.published.actions or state.published.actions[action].tool is None:
        return _foreign(question, state, at)
    return _call(question, action, _entity(resource, state), state, at)


def opening_of(question: AccessQuestion, state: State, at: datetime) -> Decision | None:
    """The decision on a method of MCP that opens or lists; None for any other question. Raises `InvalidValue`."""
    if (
        question.action not in OPENINGS
        or question.action in state.published.actions
        or question.resource.type != SERVER
    ):
        return None
    server = state.servers.get(question.resource.id, question.resource.id)
    return opened(_call(question, "", Entity(ref=EntityRef(TOOL_SERVER, server)), state, at), server, state)


def _call(question: AccessQuestion, action: str, resource: Entity, state: State, at: datetime) -> AccessRequest:
    context = question.context
    agent, user = _parties(question, state)
    return AccessRequest(
        subject=agent,
        user=user,
        action=action,
        resource=resource,
        at=at,
        arguments=_arguments(question),
        chain=_texts(context, "chain"),
        deployment=_text(context, "deployment"),
        source=_text(context, "source_ip"),
        oauth=_oauth(context),
        context={name: value for name, value in context.items() if name not in _OURS},
    )


def _foreign(question: AccessQuestion, state: State, at: datetime) -> AccessRequest:
    return AccessRequest(
        subject=_entity(question.subject, state),
        action=question.action,
        resource=_entity(question.resource, state),
        at=at,
        context=question.context,
    )


def _target(question: AccessQuestion, state: State) -> tuple[str, Party]:
    """The action by its whole name, and the resource that it is done to."""
    actions = state.published.actions
    if question.action in actions:
        return question.action, question.resource
    if question.action == TOOLS_CALL and question.resource.type == "tool":
        action = _qualified(question.resource.id, question, state)
        return action, _resource(question, action, state)
    if (found := thing_of(question.action, question.resource.type, question.resource.id)) is not None:
        tool, thing = found
        return _qualified(tool, question, state), Party(thing.type, thing.id)
    return _qualified(question.action, question, state), question.resource


def _qualified(tool: str, question: AccessQuestion, state: State) -> str:
    if tool in state.published.actions:
        return tool
    server = _text(question.context, "tool_server") or _audience(question)
    return f"{state.servers.get(server, server)}/{tool}" if server is not None else tool


def _audience(question: AccessQuestion) -> str | None:
    if question.resource.type == SERVER:
        return question.resource.id
    said = question.resource.properties.get("tool_server")
    return said if isinstance(said, str) else None


def _arguments(question: AccessQuestion) -> Mapping[str, object]:
    arguments = question.properties.get("arguments", question.context.get("arguments", {}))
    if not isinstance(arguments, Mapping):
        raise InvalidValue("arguments must be an object")
    return cast("Mapping[str, object]", arguments)


def _resource(question: AccessQuestion, action: str, state: State) -> Party:
    """What a call is about, where the question's resource is the tool itself.

    The caller says it; else it is what the registered tool names of its arguments, or the tool server.
    """
    said = _text(question.context, "resource")
    tool = registered_tool(action, state) if said is None else None
    if tool is not None and tool.resource is not None:
        try:
            said = filled(tool.resource, _arguments(question))
        except NoResource as error:
            raise InvalidValue(str(error)) from None
    if said is None:
        return Party(TOOL_SERVER, action.partition("/")[0])
    type_, separator, id_ = said.partition(":")
    if not separator or not type_ or not id_:
        raise InvalidValue("context.resource must read `type:id`")
    return Party(type_, id_)


def _parties(question: AccessQuestion, state: State) -> tuple[Entity, Entity | None]:
    """Who calls, and on whose behalf. A person without an agent calls for themselves."""
    subject = question.subject
    if subject.type == AGENT:
        return Entity(ref=EntityRef(AGENT, subject.id.removeprefix(_OWN_SUBJECT))), _on_behalf(question, state)
    via = _text(question.context, "agent")
    who = Entity(ref=person(subject.type, subject.id, state), attributes=subject.properties)
    if via is None:
        return who, None
    agent = Entity(ref=EntityRef(AGENT, via.removeprefix(_OWN_SUBJECT)))
    if subject.id == f"{_OWN_SUBJECT}{agent.ref.id}":  # the token's subject is the agent itself: nobody is behind it
        return agent, None
    return agent, who


def _on_behalf(question: AccessQuestion, state: State) -> Entity | None:
    said = question.context.get("user")
    if said is None:
        return None
    if isinstance(said, str):
        return Entity(ref=state.directory.ref("user", said))
    if isinstance(said, Mapping) and isinstance(said.get("id"), str) and isinstance(said.get("type", "user"), str):
        parents = groups_of_login(said["id"], _texts(said, "groups"))
        return Entity(ref=state.directory.ref(said.get("type", "user"), said["id"]), parents=parents)
    raise InvalidValue("context.user must be an id, or an object with type and id")


def groups_of_login(user: str | None, groups: Collection[str]) -> frozenset[EntityRef]:
    """`group::"<trust issuer>/<name>"` of each group that a person's issuer named. Raises `InvalidValue`.

    INVARIANT: an issuer speaks of its own groups alone. Which it is, the person's id says: `<trust issuer>/<subject>`.
    """
    if not groups:
        return frozenset()
    issuer, separator, _ = (user or "").partition("/")
    if not separator:
        raise InvalidValue("groups are of the issuer that the person's id names: `<trust issuer>/<subject>`")
    return frozenset(EntityRef(GROUP, f"{issuer}/{one}") for one in groups)


def _entity(party: Party, state: State) -> Entity:
    return Entity(ref=state.directory.ref(party.type, party.id), attributes=party.properties)


def _text(context: Mapping[str, object], name: str) -> str | None:
    value = context.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidValue(f"context.{name} must be a text")
    return value or None


def _texts(context: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = context.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InvalidValue(f"context.{name} must be a list of texts")
    return tuple(value)


def _oauth(context: Mapping[str, object]) -> OauthStatus | None:
    said = context.get("oauth")
    if said is None:
        return None
    if not isinstance(said, Mapping):
        raise InvalidValue("context.oauth must be an object")
    mode, consent = said.get("mode"), said.get("consent", False)
    if mode not in {one.value for one in OauthMode} or not isinstance(consent, bool):
        raise InvalidValue("context.oauth needs a mode, `autonomous` or `on_behalf_of`; consent is a boolean")
    return OauthStatus(mode=OauthMode(str(mode)), scopes=frozenset(_texts(said, "scopes")), consent=consent)
