"""What an enforcement point asks, and what that means to the decision point.

A question is a tool call or another application's. A tool call comes in three spellings: the action `<server>/<tool>`;
the action `<tool>` with `context.tool_server`; and the default mapping of MCP's `tools/call` (COAZ), whose resource is
the tool. On behalf of a person it comes as that person with `context.agent`, or as the agent with `context.user`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from leasehold.decisions.assembling import State
from leasehold.model.access_requests import AccessRequest, OauthMode, OauthStatus
from leasehold.model.entities import AGENT, TOOL_SERVER, Entity, EntityRef
from leasehold.model.errors import InvalidValue

TOOLS_CALL = "tools/call"
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
    context = question.context
    agent, user = _parties(question, state)
    arguments = question.properties.get("arguments", context.get("arguments", {}))
    if not isinstance(arguments, Mapping):
        raise InvalidValue("arguments must be an object")
    return AccessRequest(
        subject=agent,
        user=user,
        action=action,
        resource=_entity(resource, state),
        at=at,
        arguments=cast("Mapping[str, object]", arguments),
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
    if question.action == TOOLS_CALL and TOOLS_CALL not in actions and question.resource.type == "tool":
        action = _qualified(question.resource.id, question, state)
        return action, _resource(question, action)
    if question.action in actions:
        return question.action, question.resource
    return _qualified(question.action, question, state), question.resource


def _qualified(tool: str, question: AccessQuestion, state: State) -> str:
    if tool in state.published.actions:
        return tool
    server = _text(question.context, "tool_server") or _audience(question)
    return f"{state.servers.get(server, server)}/{tool}" if server is not None else tool


def _audience(question: AccessQuestion) -> str | None:
    said = question.resource.properties.get("tool_server")
    return said if isinstance(said, str) else None


def _resource(question: AccessQuestion, action: str) -> Party:
    """What a call is about, where the question's resource is the tool itself: as the caller says, or its server."""
    said = _text(question.context, "resource")
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
    if via is None:
        return _entity(subject, state), None
    agent = Entity(ref=EntityRef(AGENT, via.removeprefix(_OWN_SUBJECT)))
    if subject.id == f"{_OWN_SUBJECT}{agent.ref.id}":  # the token's subject is the agent itself: nobody is behind it
        return agent, None
    return agent, _entity(subject, state)


def _on_behalf(question: AccessQuestion, state: State) -> Entity | None:
    said = question.context.get("user")
    if said is None:
        return None
    if isinstance(said, str):
        return Entity(ref=state.directory.ref("user", said))
    if isinstance(said, Mapping) and isinstance(said.get("id"), str) and isinstance(said.get("type", "user"), str):
        return Entity(ref=state.directory.ref(said.get("type", "user"), said["id"]))
    raise InvalidValue("context.user must be an id, or an object with type and id")


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
