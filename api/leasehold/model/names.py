"""What a name may look like. Names end up in URLs, tokens, reports and shells: the grammar is narrow on purpose."""

from __future__ import annotations

import re
from collections.abc import Iterable

from leasehold.model.errors import InvalidValue

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")
_TOOL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")  # MCP 2025-11-25, "Tool Names"; no `/`: it splits grant ids
_RESOURCE = re.compile(
    r"[A-Za-z0-9_.-]{1,64}:[!-*\--?A-~]{1,256}"
)  # `type:identifier`, printable ASCII without `+ , @`
_TASK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{7,127}")  # long enough for ids that nobody guesses
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]{1,63})+"
)
_TEXT_LIMIT = 1024


def check_name(value: str, what: str = "name") -> None:
    """Raise `InvalidValue` unless `value` is a Leasehold name: 1-63 of `a-z 0-9 _ -`, ends alphanumeric."""
    if not _NAME.fullmatch(value):
        raise InvalidValue(
            f"{what} must be 1-63 characters of a-z, 0-9, `_` and `-`, starting and ending with a letter or digit"
        )


def check_tool(value: str) -> None:
    """Raise `InvalidValue` unless `value` is a tool name, or `*` for every tool of the server."""
    if value != "*" and not _TOOL.fullmatch(value):
        raise InvalidValue("a tool is named by 1-128 letters, digits, `_`, `.` and `-`, or `*` for every tool")


def check_resource(value: str) -> None:
    """Raise `InvalidValue` unless `value` is `type:identifier`, where `*` in the identifier matches any run."""
    if not _RESOURCE.fullmatch(value):
        raise InvalidValue("a resource reads `type:identifier` in printable ASCII without spaces, `+`, `,` and `@`")


def check_task(value: str) -> None:
    """Raise `InvalidValue` unless `value` is a task id: 8-128 of letters, digits, `_`, `.` and `-`."""
    if not _TASK.fullmatch(value):
        raise InvalidValue(
            "a task is named by 8-128 letters, digits, `_`, `.` and `-`, starting with a letter or digit"
        )


def check_email(value: str) -> None:
    """Raise `InvalidValue` unless `value` looks like one person's address."""
    if len(value) > 254 or not _EMAIL.fullmatch(value):  # noqa: PLR2004  RFC 5321 §4.5.3.1.3
        raise InvalidValue("must be an email address")


def check_text(value: str, what: str) -> None:
    """Raise `InvalidValue` if free text is over 1,024 characters or holds control or invisible characters."""
    if len(value) > _TEXT_LIMIT:
        raise InvalidValue(f"{what} must be at most {_TEXT_LIMIT} characters")
    if not value.isprintable():  # refuses controls, bidirectional overrides, zero-width and other format characters
        raise InvalidValue(f"{what} must hold printable characters only")


def has_wildcard(values: Iterable[str]) -> bool:
    """True if any value holds `*`."""
    return any("*" in value for value in values)
