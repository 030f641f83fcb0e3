"""Form bodies of OAuth requests, read with a cap and a deadline, every parameter at most once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Mapping
from types import coroutine
from typing import Any, ClassVar
from urllib.parse import unquote_to_bytes

from leasehold.web.asgi import Receive, Scope

MAX_FORM_BYTES = 65_536
READ_SECONDS = 10.0
_MAX_FIELDS = 32
_FORM = "application/x-www-form-urlencoded"

Form = Mapping[str, str]


class InvalidRequest(Exception):
    """The request itself is wrong. The message is for the caller and repeats nothing that was sent."""

    error: ClassVar[str] = "invalid_request"
    status: ClassVar[int] = 400


class InvalidTarget(InvalidRequest):
    """More resources than one, or none that could be one (RFC 8707 §2)."""

    error = "invalid_target"


class UnsupportedResponseType(InvalidRequest):
    """Not a code (RFC 6749 §4.1.2.1)."""

    error = "unsupported_response_type"


class UnsupportedGrantType(InvalidRequest):
    """Not a token exchange."""

    error = "unsupported_grant_type"


class InvalidClient(InvalidRequest):
    """No client authentication where there must be one (RFC 6749 §5.2)."""

    error = "invalid_client"
    status = 401


class TooLarge(InvalidRequest):
    """The body exceeds the cap."""

    status = 413


async def read_form(scope: Scope, receive: Receive) -> Form:
    """The parameters of a form body; an empty one counts as absent (RFC 6749 §3.2). Raises `InvalidRequest`."""
    if header(scope, b"content-type").partition(";")[0].strip().lower() != _FORM:
        raise InvalidRequest(f"the body must be {_FORM}")
    return _parsed(await read_body(receive))


async def read_body(receive: Receive) -> bytes:
    """The whole body, with a cap and a deadline. Raises `InvalidRequest`."""
    body = _body(receive)
    try:
        # As far as it goes without waiting: most bodies came with their heads, and to set a clock for one of those
        # costs as much as to read it.
        waits_for = body.send(None)
    except StopIteration as whole:
        return bytes(whole.value)
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await _rest(body, waits_for)
    except TimeoutError:
        raise InvalidRequest("the body did not arrive in time") from None


def header(scope: Scope, name: bytes) -> str:
    """The one value of a header, empty if it is absent. Raises `InvalidRequest` if it is repeated."""
    values = [value for key, value in scope["headers"] if key == name]
    if len(values) > 1:
        raise InvalidRequest(f"the header {name.decode()} is repeated")
    return values[0].decode("latin-1") if values else ""


@coroutine
def _rest(body: Coroutine[Any, Any, bytes], waits_for: object) -> Generator[Any, Any, bytes]:  # Any: the loop's own
    """Go on with a body that has begun, and waits for something of the event loop's."""
    while True:
        advance: Callable[[Any], object]  # Any: what was waited for, or what ended the wait
        try:
            advance, came = body.send, (yield waits_for)
        except BaseException as error:  # noqa: BLE001  the deadline, or a caller that hung up: told to who waits inside
            advance, came = body.throw, error
        try:
            waits_for = advance(came)
        except StopIteration as whole:
            return bytes(whole.value)


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":  # the client hung up
            raise InvalidRequest("the body is incomplete")
        body += message.get("body", b"")
        if len(body) > MAX_FORM_BYTES:
            raise TooLarge(f"the body exceeds {MAX_FORM_BYTES} bytes")
        if not message.get("more_body", False):
            return bytes(body)


def _parsed(body: bytes) -> Form:
    try:
        pairs = _pairs(body.decode("ascii"))
    except ValueError:
        raise InvalidRequest("the body is not a well-formed form") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        names = [name for name, _ in pairs]
        # RFC 6749 §3.2: not more than once. RFC 8707 allows several resources, yet a token for two audiences could be
        # replayed by each against the other: one token, one audience.
        several = {"resource", "audience"} & {name for name in names if names.count(name) > 1}
        raise InvalidTarget("name one resource") if several else InvalidRequest("a parameter is repeated")
    return {name: value for name, value in pairs if value}


def _pairs(text: str) -> list[tuple[str, str]]:
    """Names and values. Raises `ValueError`. As strict as `parse_qsl` can be, in a tenth of its time."""
    fields = text.split("&")
    if len(fields) > _MAX_FIELDS:
        raise ValueError
    return [(_plain(name), _plain(value)) for name, value in (field.split("=", 1) for field in fields)]


def _plain(text: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    return unquote_to_bytes(text).decode() if "%" in text else text  # a token needs neither; `text` is ASCII
