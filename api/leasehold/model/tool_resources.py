"""What a tool call is about: a resource, written down once for a tool and filled in by each call's arguments.

INVARIANT: what a grant's pattern is compared with is read by the server behind in one way only. A value that could
leave its place (`..`, an escape, a further `/` beside another value) makes no resource, and the call is denied.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from leasehold.model.errors import InvalidValue

_TEMPLATE = re.compile(r"[A-Za-z0-9_.-]{1,64}:(?:[!-*\--?A-z|~]|\{[A-Za-z_][A-Za-z0-9_-]{0,63}\}){1,256}")
_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_LONGEST = 1024


class NoResource(ValueError):
    """The arguments name no resource. Says which argument, and never what was in it."""


def check_template(template: str) -> None:
    """Raise `InvalidValue` unless it reads `type:identifier`, with `{argument}` where an argument's text goes."""
    if not _TEMPLATE.fullmatch(template) or "*" in template:
        raise InvalidValue("a tool's resource reads `type:identifier`, with `{argument}` where an argument goes")


@lru_cache(maxsize=4096)
def places(template: str) -> tuple[str, ...]:
    """The arguments that a template needs."""
    return tuple(_PLACE.findall(template))


@lru_cache(maxsize=4096)
def pattern_of(template: str) -> str:
    """Every resource that a template can name, as a pattern."""
    return _PLACE.sub("*", template)


def filled(template: str, arguments: Mapping[str, object]) -> str:
    """The resource of one call. Raises `NoResource`."""
    needed = places(template)
    if not needed:
        return template
    several = len(needed) > 1

    def value(found: re.Match[str]) -> str:
        given = arguments.get(found[1])
        if isinstance(given, int) and not isinstance(given, bool):
            return str(given)
        if not isinstance(given, str) or not given or (several and "/" in given):
            raise NoResource(f"the call needs the argument `{found[1]}`, a text that names one thing")
        return given

    resource = _PLACE.sub(value, template)
    if not is_plain(resource.partition(":")[2]):
        raise NoResource("what the call is about can be read in more than one way")
    return resource


def is_plain(identifier: str) -> bool:
    """True unless a reader could take it for another one: dot segments, escapes, backslashes, invisible characters."""
    if len(identifier) > _LONGEST or not identifier.isprintable() or "\\" in identifier or _ESCAPE.search(identifier):
        return False
    if "." not in identifier:
        return True
    return not any(part in {".", ".."} for part in re.split(r"[/?#;]", identifier))
