"""AuthZEN requests out of JSON: read with distrust, what is missing or of another type told by its place."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn

from leasehold.decisions.answering import Semantic
from leasehold.decisions.questions import AccessQuestion, NoQuestion, Party
from leasehold.web.asgi import Receive, Scope
from leasehold.web.oauth.forms import header

MAX_BYTES = 1 << 20
MAX_QUESTIONS = 1000
MAX_SEARCH = 1 << 16
_MAX_DEPTH = 64
_MAX_DIGITS = 400
_READ_SECONDS = 10.0
_PARTS = ("subject", "action", "resource", "context")
Json = dict[str, Any]  # Any: a parsed body, before it is anything of ours


class BadRequest(Exception):
    """The request is none (AuthZEN 1.0, "Error Responses"). The message repeats nothing that was sent."""


@dataclass(frozen=True, slots=True)
class Questions:
    """What one request asks. `several`: it is answered in an array."""

    items: tuple[AccessQuestion | NoQuestion, ...]
    several: bool
    semantic: Semantic = Semantic.EXECUTE_ALL


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a result is wanted."""

    token: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A question with one thing left open: the subject's id, the resource's, or the action."""

    subject: Party
    resource: Party
    action: str = ""
    properties: Mapping[str, object] = field(default_factory=dict)
    context: Mapping[str, object] = field(default_factory=dict)
    page: Page = Page()


async def read_body(scope: Scope, receive: Receive) -> Json:
    """The body as one JSON object, every key once. Raises `BadRequest`."""
    if header(scope, b"content-type").partition(";")[0].strip().lower() != "application/json":
        raise BadRequest("the content type must be application/json")
    try:
        async with asyncio.timeout(_READ_SECONDS):
            return parsed(await _read(receive))
    except TimeoutError:
        raise BadRequest("the body did not arrive in time") from None


def parsed(raw: bytes) -> Json:
    """One JSON object that every reader reads alike. Raises `BadRequest`."""
    if raw.count(b"{") + raw.count(b"[") > _MAX_DEPTH:
        _check_depth(raw)
    try:
        found = json.loads(
            raw.decode(), object_pairs_hook=_once, parse_float=_decimal, parse_int=_integer, parse_constant=_no_number
        )
    except UnicodeDecodeError:
        raise BadRequest("the body is not UTF-8") from None
    except ValueError:  # JSONDecodeError is one
        raise BadRequest("the body is not JSON") from None
    if not isinstance(found, dict):
        raise BadRequest("the body must be an object")
    return found


def evaluation(body: Json) -> AccessQuestion:
    """One question. Raises `BadRequest`."""
    subject, action, resource = (_object(body, part) for part in _PARTS[:3])
    return AccessQuestion(
        subject=_party(subject, "subject"),
        action=_text(action, "action", "name"),
        properties=_optional(action, "action.properties", "properties"),
        resource=_party(resource, "resource"),
        context=_optional(body, "context", "context"),
    )


def evaluations(body: Json) -> Questions:
    """Several questions, each with the defaults of all; none at all is a single one. Raises `BadRequest`."""
    listed = body.get("evaluations")
    if listed is None or listed == []:
        return Questions((evaluation(body),), several=False)
    if not isinstance(listed, list):
        raise BadRequest("evaluations must be an array")
    if len(listed) > MAX_QUESTIONS:
        raise BadRequest(f"evaluations must be at most {MAX_QUESTIONS}")
    defaults = {part: body[part] for part in _PARTS if part in body}
    if _weight(defaults) * len(listed) > MAX_BYTES:  # each is decided, and kept, whole
        raise BadRequest(f"the evaluations are over {MAX_BYTES} bytes with their defaults written out")
    return Questions(tuple(_item(one, defaults) for one in listed), several=True, semantic=_semantic(body))


def search(body: Json, *, wanted: str) -> Search:
    """A search for subjects, resources or actions. Raises `BadRequest`."""
    if _weight(body) > MAX_SEARCH:  # it is decided for each candidate
        raise BadRequest(f"a search is over {MAX_SEARCH} bytes")
    subject = _party(_object(body, "subject"), "subject", known=wanted != "subject")
    resource = _party(_object(body, "resource"), "resource", known=wanted != "resource")
    action = _object(body, "action") if wanted != "action" else {}
    return Search(
        subject=subject,
        resource=resource,
        action=_text(action, "action", "name") if wanted != "action" else "",
        properties=_optional(action, "action.properties", "properties"),
        context=_optional(body, "context", "context"),
        page=_page(body),
    )


def _item(item: object, defaults: Json) -> AccessQuestion | NoQuestion:
    if not isinstance(item, dict):
        return NoQuestion("an evaluation must be an object")
    try:
        return evaluation({**defaults, **item})  # whole objects override: nothing is merged within
    except BadRequest as error:
        return NoQuestion(str(error))


def _weight(value: object) -> int:
    """How long a value is when written, or less."""
    match value:
        case str():
            return len(value)
        case dict():
            return sum(len(name) + _weight(one) for name, one in value.items())
        case list():
            return len(value) + sum(map(_weight, value))
        case _:
            return 1


def _semantic(body: Json) -> Semantic:
    options = _optional(body, "options", "options")
    said = options.get("evaluations_semantic", Semantic.EXECUTE_ALL.value)
    try:
        return Semantic(said)
    except ValueError:
        raise BadRequest("options.evaluations_semantic is none that is defined") from None


def _page(body: Json) -> Page:
    page = _optional(body, "page", "page")
    token, limit = page.get("token"), page.get("limit")
    if token is not None and not isinstance(token, str):
        raise BadRequest("page.token must be a string")
    if limit is not None and (type(limit) is not int or limit < 0):
        raise BadRequest("page.limit must be a non-negative integer")
    return Page(token or None, limit)


def _party(given: Json, path: str, *, known: bool = True) -> Party:
    type_ = _text(given, path, "type")
    id_ = _text(given, path, "id") if known else ""
    return Party(type_, id_, _optional(given, f"{path}.properties", "properties"))


def _object(body: Json, name: str) -> Json:
    found = body.get(name)
    if not isinstance(found, dict):
        raise BadRequest(f"{name} must be an object" if name in body else f"{name} is required")
    return found


def _text(given: Json, path: str, name: str) -> str:
    found = given.get(name)
    if not isinstance(found, str) or not found:
        raise BadRequest(f"{path}.{name} must be a string" if name in given else f"{path}.{name} is required")
    return found


def _optional(given: Mapping[str, Any], path: str, name: str) -> Json:  # Any: a parsed body
    found = given.get(name, {})
    if not isinstance(found, dict):
        raise BadRequest(f"{path} must be an object")
    return found


async def _read(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message["type"] == "http.request" and message.get("more_body", False):
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BYTES:
            break
    if message["type"] != "http.request":  # the client hung up
        raise BadRequest("the body is incomplete")
    if len(body) > MAX_BYTES:
        raise BadRequest(f"the body is over {MAX_BYTES} bytes")
    return body


def _check_depth(raw: bytes) -> None:
    depth, in_text, escaped = 0, False, False
    for byte in raw:
        if in_text:
            in_text, escaped = escaped or byte != _QUOTE, byte == _BACKSLASH and not escaped
        elif byte == _QUOTE:
            in_text = True
        elif byte in _OPEN:
            depth += 1
            if depth > _MAX_DEPTH:
                raise BadRequest(f"the body is nested more than {_MAX_DEPTH} deep")
        elif byte in _CLOSE:
            depth -= 1


_QUOTE, _BACKSLASH = ord('"'), ord("\\")
_OPEN, _CLOSE = frozenset(b"[{"), frozenset(b"]}")


def _once(pairs: list[tuple[str, Any]]) -> Json:  # Any: parsed JSON
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadRequest("an object names one thing twice")
    return found


def _integer(text: str) -> int:
    return int(text) if len(text) <= _MAX_DIGITS else _no_number(text)


def _decimal(text: str) -> Decimal:
    return Decimal(text) if len(text) <= _MAX_DIGITS else _no_number(text)


def _no_number(_text: str) -> NoReturn:
    raise BadRequest("the body holds a number that no reader could keep")
