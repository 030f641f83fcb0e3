"""Bodies of the control plane's questions about decisions: tables of cases, and policies as they would be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from leasehold.decisions.questions import AccessQuestion, Party
from leasehold.decisions.trying import Case, Changed
from leasehold.model.errors import FieldError, InvalidBody
from leasehold.model.policies import Policy
from leasehold.web.bodies import Json, parse_as
from leasehold.web.refusals import InvalidQuery

_CASES_LIMIT = 5000
_REPLAY_LIMIT = 100_000
_CASE_FIELDS = frozenset(
    {"name", "expect", "reason", "policy", "at", "agent", "user", "subject", "tool_server", "tool", "action"}
    | {"resource", "arguments", "context", "properties"}
)
_EXPECTED = {"allow": True, "deny": False}


def cases_of(body: Json) -> list[Case]:
    """The cases of a table. Raises `InvalidBody`, with the place of each mistake."""
    listed = body.pop("cases", None)
    if not isinstance(listed, list) or not 0 < len(listed) <= _CASES_LIMIT:
        raise InvalidBody([FieldError("cases", f"must be an array of 1 to {_CASES_LIMIT} cases")])
    return [_case(one, f"cases.{at}", at) for at, one in enumerate(listed)]


def changed_of(body: Json) -> Changed:
    """The policies to decide on besides those that live: an object of policies by name, null for one deleted."""
    given = body.pop("policies", {})
    if not isinstance(given, dict):
        raise InvalidBody([FieldError("policies", "must be an object of policies by name")])
    written = {name: parse_as(Policy, one, f"policies.{name}") for name, one in given.items() if one is not None}
    return Changed(written, frozenset(name for name, one in given.items() if one is None))


def limit_of(body: Json) -> int:
    """How many decisions to replay."""
    limit = body.pop("limit", 10_000)
    if type(limit) is not int or not 0 < limit <= _REPLAY_LIMIT:
        raise InvalidBody([FieldError("limit", f"must be 1 to {_REPLAY_LIMIT}")])
    return limit


def nothing_else(body: Json) -> None:
    """Raise `InvalidBody` for a field that nobody took out."""
    if body:
        raise InvalidBody([FieldError(min(body), "is not a field of this object")])


def _case(given: Any, path: str, at: int) -> Case:  # Any: what stood in the body
    if not isinstance(given, dict):
        raise InvalidBody([FieldError(path, "must be an object")])
    if unknown := sorted(given.keys() - _CASE_FIELDS):
        raise InvalidBody([FieldError(f"{path}.{unknown[0]}", "is not a field of a case")])
    expect = given.get("expect")
    if expect not in _EXPECTED:
        raise InvalidBody([FieldError(f"{path}.expect", "must be `allow` or `deny`")])
    return Case(
        name=_text(given, "name", path) or f"case {at + 1}",
        question=_question(given, path),
        allow=_EXPECTED[expect],
        reason=_text(given, "reason", path),
        policy=_text(given, "policy", path),
        at=_instant(given, path),
    )


def _question(given: Json, path: str) -> AccessQuestion:
    """A tool call by an agent, for a user or by nobody else; or another application's question."""
    agent, user, tool = (_text(given, name, path) for name in ("agent", "user", "tool"))
    context = _object(given, "context", path)
    if tool is None:
        action, subject = _needed(given, "action", path), _party(_needed(given, "subject", path), f"{path}.subject")
    else:
        server = _text(given, "tool_server", path)
        action = tool if server is None else f"{server}/{tool}"
        if agent is None and user is None:
            raise InvalidBody([FieldError(path, "a tool call is by an agent, a user, or an agent for a user")])
        subject = _named("user", user or "") if agent is None else Party("agent", agent)
        context = context if agent is None or user is None else {**context, "user": _said(user)}
    resource = _party(_needed(given, "resource", path), f"{path}.resource")
    properties = _object(given, "properties", path)
    if properties:
        resource = Party(resource.type, resource.id, properties)
    arguments = _object(given, "arguments", path)
    return AccessQuestion(
        subject=subject,
        action=action,
        properties={"arguments": arguments} if arguments else {},
        resource=resource,
        context=context,
    )


def question_then(agent: str, tool: str, resource: str, user: str | None) -> AccessQuestion:
    """A tool call of an agent on a resource, for a person if one is named. Raises `InvalidQuery`."""
    type_, colon, named = resource.partition(":")
    if not (type_ and colon and named):
        raise InvalidQuery("resource must read type:id")
    context = {"user": _said(user)} if user is not None else {}
    return AccessQuestion(subject=Party("agent", agent), action=tool, resource=Party(type_, named), context=context)


def _said(user: str) -> Mapping[str, str]:
    named = _named("user", user)
    return {"type": named.type, "id": named.id}


def _named(type_: str, text: str) -> Party:
    """`ana`, or `identity:ana` for people of another type."""
    said, separator, id_ = text.partition(":")
    return Party(said, id_) if separator else Party(type_, text)


def _party(text: str, path: str) -> Party:
    type_, separator, id_ = text.partition(":")
    if not separator or not type_ or not id_:
        raise InvalidBody([FieldError(path, "must read `type:id`")])
    return Party(type_, id_)


def _needed(given: Json, name: str, path: str) -> str:
    found = _text(given, name, path)
    if found is None:
        raise InvalidBody([FieldError(f"{path}.{name}", "is required")])
    return found


def _text(given: Json, name: str, path: str) -> str | None:
    found = given.get(name)
    if found is not None and (not isinstance(found, str) or not found):
        raise InvalidBody([FieldError(f"{path}.{name}", "must be a text")])
    return found


def _object(given: Json, name: str, path: str) -> Json:
    found = given.get(name, {})
    if not isinstance(found, dict):
        raise InvalidBody([FieldError(f"{path}.{name}", "must be an object")])
    return found


def _instant(given: Json, path: str) -> datetime | None:
    text = _text(given, "at", path)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InvalidBody([FieldError(f"{path}.at", "must be an RFC 3339 time with a zone")])
    return at
