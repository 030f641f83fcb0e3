"""What names, tools, resources and texts may look like, told before anything is sent to the registry.

Each check returns a complaint or None, as a schema's validator does. The registry has the last word and the same
grammar: `tests/unit/provider/test_names.py` compares the two. No regular expressions: importing `re` takes longer
than all checks of a plan.
"""

from __future__ import annotations

from .protocol import is_unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Check = Callable[[Any], str | None]

_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_LETTERS = _LOWER | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_NAME = _LOWER | frozenset("_-")
_TOOL = _LETTERS | frozenset("_.-")
_LOCAL_PART = _LETTERS | frozenset(".!#$%&'*+/=?^_`{|}~-")
_IDENTIFIER = frozenset(map(chr, range(0x21, 0x7F))) - frozenset("+,@")
_NAME_LIMIT = 63
_TOOL_LIMIT = 128
_TYPE_LIMIT = 64
_IDENTIFIER_LIMIT = 256
_TEXT_LIMIT = 1024
_EMAIL_LIMIT = 254  # RFC 5321 §4.5.3.1.3
_LOCAL_LIMIT = 64
_LABEL_LIMIT = 63
_URL_LIMIT = 2048
_FOREIGN_LIMIT = 256
_DOCUMENT_LIMIT = 65_536
_URL_REFUSED = frozenset(' "<>\\^`{|}?#')


def check_name(value: str) -> str | None:
    """Complain unless `value` is 1-63 of `a-z 0-9 _ -` that starts and ends with a letter or digit."""
    fits = 0 < len(value) <= _NAME_LIMIT and _NAME.issuperset(value)
    if fits and value[0] in _LOWER and value[-1] in _LOWER:
        return None
    return "must be 1-63 characters of a-z, 0-9, `_` and `-`, starting and ending with a letter or digit"


def check_tool(value: str) -> str | None:
    """Complain unless `value` names a tool, or is `*` for every tool of the server."""
    fits = 0 < len(value) <= _TOOL_LIMIT and _TOOL.issuperset(value) and value[0] not in ".-"
    if fits or value == "*":
        return None
    return "a tool is named by 1-128 letters, digits, `_`, `.` and `-`, or `*` for every tool"


def check_resource(value: str) -> str | None:
    """Complain unless `value` reads `type:identifier`."""
    kind, separator, identifier = value.partition(":")
    fits = 0 < len(kind) <= _TYPE_LIMIT and _TOOL.issuperset(kind) and separator
    if fits and 0 < len(identifier) <= _IDENTIFIER_LIMIT and _IDENTIFIER.issuperset(identifier):
        return None
    return "a resource reads `type:identifier` in printable ASCII without spaces, `+`, `,` and `@`"


def check_email(value: str) -> str | None:
    """Complain unless `value` looks like one person's address."""
    local, separator, domain = value.rpartition("@")
    first, *labels = domain.split(".")
    fits = (
        separator
        and len(value) <= _EMAIL_LIMIT
        and 0 < len(local) <= _LOCAL_LIMIT
        and _LOCAL_PART.issuperset(local)
        and _is_host_label(first)
        and labels
        and all(0 < len(label) <= _LABEL_LIMIT and (_LETTERS | {"-"}).issuperset(label) for label in labels)
    )
    return None if fits else "must be an email address"


def _is_host_label(label: str) -> bool:
    return bool(label) and (_LETTERS | {"-"}).issuperset(label) and label[0] != "-" and label[-1] != "-"


def check_text(value: str) -> str | None:
    """Complain about free text over 1,024 characters or with control or invisible characters."""
    if len(value) > _TEXT_LIMIT:
        return f"must be at most {_TEXT_LIMIT} characters"
    return None if value.isprintable() else "must hold printable characters only"


def check_entity_type(value: str) -> str | None:
    """Complain unless `value` can be the type of an entity."""
    fits = 0 < len(value) <= _TYPE_LIMIT and _TOOL.issuperset(value) and value[0] not in ".-0123456789"
    return None if fits else "must be 1-64 letters, digits, `_`, `.` and `-`, starting with a letter or `_`"


def check_foreign_id(value: str) -> str | None:
    """Complain unless `value` is 1-256 printable characters."""
    fits = 0 < len(value) <= _FOREIGN_LIMIT and value.isprintable()
    return None if fits else f"must be 1-{_FOREIGN_LIMIT} printable characters"


def check_entity(value: str) -> str | None:
    """Complain unless `value` reads `type:id`; the id may hold colons."""
    kind, separator, foreign = value.partition(":")
    if separator and check_entity_type(kind) is None:
        return check_foreign_id(foreign)
    return "must read `type:id`, such as `user:alice`"


def check_relation(value: str) -> str | None:
    """Complain unless `value` can name a relation."""
    fits = 0 < len(value) <= _NAME_LIMIT and _NAME.issuperset(value) and value[0] not in "_-0123456789"
    return None if fits else "must be 1-63 characters of a-z, 0-9, `_` and `-`, starting with a letter"


def check_document(value: str) -> str | None:
    """Complain about a policy document that is empty, too long, or holds what a reader cannot see."""
    if not value.strip():
        return "must hold at least one policy"
    if len(value.encode(errors="surrogatepass")) > _DOCUMENT_LIMIT:
        return f"must be at most {_DOCUMENT_LIMIT} bytes"
    for number, line in enumerate(value.replace("\r", "").split("\n"), 1):
        if not line.replace("\t", "").isprintable():
            return f"line {number} holds a control or invisible character"
    return None


def check_json_object(value: str) -> str | None:
    """Complain unless `value` is a JSON object, as text."""
    import json  # noqa: PLC0415 -- few resources have one

    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        parsed = None
    fits = isinstance(parsed, dict) and len(value) <= _DOCUMENT_LIMIT
    return None if fits else "must be one JSON object, as text"


def check_input_schema(value: str) -> str | None:
    """Complain unless `value` is the JSON Schema of an object, as text."""
    import json  # noqa: PLC0415 -- as above

    complaint = check_json_object(value)
    if complaint is None and json.loads(value).get("type") != "object":
        complaint = "must be a JSON Schema of type `object`"
    return complaint


def check_exact(value: str) -> str | None:
    """Complain about a pin that is empty or holds a wildcard."""
    complaint = check_text(value)
    if complaint is None and (not value or "*" in value):
        complaint = "must be an exact, non-empty value: a pin takes no wildcard"
    return complaint


def check_url(value: str) -> str | None:
    """Complain unless `value` is an absolute http(s) URL without user, query and fragment."""
    scheme, separator, rest = value.partition("://")
    host = rest.partition("/")[0]
    plain = value.isascii() and value.isprintable() and not _URL_REFUSED.intersection(value)
    fits = separator and scheme in ("https", "http") and host and "@" not in host and plain
    if fits and len(value) <= _URL_LIMIT:
        return None
    return "must be an absolute http(s) URL without user, query and fragment"


def check_principal(value: str) -> str | None:
    """Complain unless `value` says whom a ceiling bounds."""
    what, _, name = value.partition(":")
    if value == "organization" or (what in ("agent", "team", "environment") and check_name(name) is None):
        return None
    return "must read agent:<name>, team:<name>, environment:<name> or organization"


def each(check: Check) -> Check:
    """Return a check of every known member of a set."""

    def check_each(values: Iterable[str]) -> str | None:
        for value in values:
            complaint = None if is_unknown(value) else check(value)
            if complaint is not None:
                return f"`{value}`: {complaint}"
        return None

    return check_each


def optional(check: Check) -> Check:
    """Return a check that also admits the empty string."""
    return lambda value: check(value) if value else None


def one_of(*choices: str) -> Check:
    """Return a check for one of a few words."""
    return lambda value: None if value in choices else f"must be one of {', '.join(choices)}, not `{value}`"


def between(low: int, high: int, unit: str) -> Check:
    """Return a check for a whole number within bounds, both included."""
    return lambda value: None if isinstance(value, int) and low <= value <= high else f"must be {low} to {high} {unit}"


def at_least_one(values: Iterable[str]) -> str | None:
    """Complain about an empty set where empty would mean nothing at all."""
    return None if list(values) else "must name at least one: an empty set would grant nothing"


def has_wildcard(values: Iterable[object]) -> bool:
    """True if any known value holds `*`."""
    return any(isinstance(value, str) and "*" in value for value in values)
