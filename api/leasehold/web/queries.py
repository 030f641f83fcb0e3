"""Query parameters: names that could be names, cursors of our own making, and none that we do not know."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import Annotated

from fastapi import Query
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request

from leasehold.model.directory import check_relation, entity_id
from leasehold.model.errors import InvalidValue, NotFound
from leasehold.model.kinds import Kind
from leasehold.model.names import check_name
from leasehold.web.refusals import InvalidQuery, RouteNotFound

NAME_LIMIT = 400  # of a grant, the longest name there is
Limit = Annotated[int, Query(ge=1, le=1000, description="How many items at most.")]
Cursor = Annotated[str, Query(max_length=1024, description="The `next_cursor` of the page before.")]
NameFilter = Annotated[str | None, Query(max_length=63)]
EndFilter = Annotated[str | None, Query(max_length=400, description="One end of a relation, as `type:id`.")]


def refuse_unprintable(request: Request) -> None:
    """Raise `RouteNotFound` for control characters in a path: a route's pattern overlooks a newline at its end."""
    if not request.scope["path"].isprintable():
        raise RouteNotFound("nothing lives at this path")


def refuse_unknown(request: Request) -> None:
    """Raise `InvalidQuery` for a parameter that the route does not have, or that is given twice.

    A misspelt filter that filters nothing would answer with more than was asked for.
    """
    route = request.scope.get("route")
    known = set(_parameters(route.dependant)) if isinstance(route, APIRoute) else set()
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known:
            raise InvalidQuery(f"no query parameter named `{name[:100]}`")
        if given.count(name) > 1:
            raise InvalidQuery(f"query parameter `{name}` is given twice")


def _parameters(dependant: Dependant) -> Iterator[str]:
    """The names of a route's query parameters, those that its dependencies read included."""
    yield from (field.alias for field in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _parameters(inner)


def name_filter(value: str | None, what: str) -> str | None:
    """A name to filter by. Raises `InvalidQuery` for what can be no name."""
    return _checked(value, lambda text: check_name(text, what))


def end_filter(value: str | None, what: str) -> str | None:
    """One end of a relation to filter by. Raises `InvalidQuery` for what can be none."""
    return _checked(value, lambda text: entity_id(text, what))


def relation_filter(value: str | None) -> str | None:
    """A relation to filter by. Raises `InvalidQuery` for what can be none."""
    return _checked(value, lambda text: check_relation(text, "relation"))


def _checked(value: str | None, check: Callable[[str], object]) -> str | None:
    if value is None:
        return None
    try:
        check(value)
    except InvalidValue as error:
        raise InvalidQuery(str(error)) from None
    return value


def speakable(kind: Kind, name: str) -> str:
    """A name that a store may be asked for. Raises `NotFound` for what can be no name of any object."""
    if len(name) > NAME_LIMIT or not name.isascii() or not name.isprintable():
        raise NotFound(kind.singular, ascii(name[:NAME_LIMIT])[1:-1])
    return name


def encode_cursor(place: str | int | None) -> str | None:
    """Where the next page starts, as text that nobody should take apart."""
    return base64.urlsafe_b64encode(str(place).encode()).decode().rstrip("=") if place is not None else None


def decode_cursor(cursor: str) -> str:
    """The place of a cursor, `""` for none. Raises `InvalidQuery`."""
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, UnicodeError, ValueError):
        raise InvalidQuery("the cursor is none of ours") from None
    if not place.isprintable():
        raise InvalidQuery("the cursor is none of ours")
    return place


def decode_position(cursor: str) -> int | None:
    """The number of a cursor over a sequence, None for none. Raises `InvalidQuery`."""
    place = decode_cursor(cursor)
    if not place:
        return None
    if not place.isdecimal() or len(place) > 18:  # noqa: PLR2004  what fits 64 bits
        raise InvalidQuery("the cursor is none of ours")
    return int(place)
