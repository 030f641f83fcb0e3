"""What a name may look like, and how it becomes a Terraform local name.

The registry decides in the end; the same grammar stands here so that a slip fails at synth, where it was written.
Text that holds `${` is a Terraform expression, unknown until apply, and passes wherever nothing at synth depends on it.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Collection, Iterable
from datetime import date, datetime
from types import MappingProxyType
from urllib.parse import quote

from leasehold_cdktf.algebra import Declared, constraint_text

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")
_TOOL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_RESOURCE = re.compile(r"[A-Za-z0-9_.-]{1,64}:[!-*\--?A-~]{1,256}")
_ENTITY_TYPE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_RELATION = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_FOREIGN_LIMIT = 256
_DOCUMENT_LIMIT = 65_536
_GRANT_ID_LIMIT = 400
_DIGEST = 16
TTL_MIN_SECONDS, TTL_MAX_SECONDS = 60, 300
DELEGATION_DEPTH_LIMIT = 4
NO_LIMITS: Declared = MappingProxyType({})


def check_name(value: str, what: str) -> str:
    """Return `value`, or raise `ValueError` unless it is a registry name: 1-63 of `a-z 0-9 _ -`."""
    if not _NAME.fullmatch(value):
        raise ValueError(
            f"{what} `{value}` must be 1-63 characters of a-z, 0-9, `_` and `-`, starting and ending with a letter or "
            "digit; it names the object in the registry, so it cannot be a Terraform expression either"
        )
    return value


def check_tools(values: Collection[str]) -> None:
    """Raise `ValueError` unless there is at least one tool and each is a tool name or `*`."""
    if not values:
        raise ValueError("name at least one tool: an empty set would grant nothing")
    for value in values:
        if value != "*" and not _TOOL.fullmatch(value):
            raise ValueError(
                f"tool `{value}`: a tool is 1-128 letters, digits, `_`, `.` and `-`, or `*` for every tool"
            )


def check_resources(values: Iterable[str]) -> None:
    """Raise `ValueError` unless each value reads `type:identifier`, such as `repo:web`."""
    for value in values:
        if not _RESOURCE.fullmatch(value) or "${" in value:
            raise ValueError(
                f"resource `{value}` must read `type:identifier`, such as `repo:web`, in printable ASCII without "
                "spaces, `+`, `,` and `@`"
            )


def check_wildcards(values: Iterable[str], *, allow_wildcard: bool, justification: str) -> None:
    """Raise `ValueError` if any value holds `*` and that was not both allowed and justified."""
    wild = sorted(value for value in values if "*" in value)
    if wild and not (allow_wildcard and justification.strip()):
        raise ValueError(f'`{wild[0]}` holds a wildcard: pass allow_wildcard=True and justification="why it must"')


def check_ttl(seconds: int | None, what: str) -> None:
    """Raise `ValueError` unless a token lifetime is None or 60 to 300 seconds."""
    if seconds is not None and not TTL_MIN_SECONDS <= seconds <= TTL_MAX_SECONDS:
        raise ValueError(f"{what} is {seconds}: tokens live {TTL_MIN_SECONDS} to {TTL_MAX_SECONDS} seconds")


def check_depth(levels: int | None, what: str) -> None:
    """Raise `ValueError` unless a number of levels of sub-agents is None or 0 to 4."""
    if levels is not None and not 0 <= levels <= DELEGATION_DEPTH_LIMIT:
        raise ValueError(f"{what} is {levels}: chains of sub-agents have 0 to {DELEGATION_DEPTH_LIMIT} levels")


def day(value: str | date, what: str) -> str:
    """Return a day as `YYYY-MM-DD`, or a Terraform expression unchanged; raise `ValueError` for anything else."""
    if isinstance(value, date):
        return (value.date() if isinstance(value, datetime) else value).isoformat()
    if "${" not in value:
        _check_iso(date.fromisoformat, value, f"{what} `{value}` must be a day, such as `2027-05-01`")
    return value


def moment(value: str | datetime | None, what: str) -> str | None:
    """Return a point in time in RFC 3339, a Terraform expression unchanged, or None for None.

    Raises:
        ValueError: the value is no time, or has no time zone.
    """
    if value is None:
        return None
    if isinstance(value, str) and "${" in value:
        return value
    advice = f"{what} `{value}` must be a time with a zone, such as `2027-05-01T00:00:00Z`"
    when = _check_iso(datetime.fromisoformat, value, advice) if isinstance(value, str) else value
    if not isinstance(when, datetime) or when.tzinfo is None:
        raise ValueError(advice)
    return value if isinstance(value, str) else when.isoformat().replace("+00:00", "Z")


def _check_iso(parse: object, value: str, advice: str) -> object:
    try:
        return parse(value)  # type: ignore[operator]  # one of the two fromisoformat constructors above
    except ValueError:
        raise ValueError(advice) from None


def check_entity_type(value: str) -> str:
    """Return `value`, or raise `ValueError` unless it can be the type of an entity."""
    if not _ENTITY_TYPE.fullmatch(value):
        raise ValueError(f"type `{value}` must be 1-64 letters, digits, `_`, `.`, `-`, starting with a letter or `_`")
    return value


def check_entity(value: str, what: str) -> str:
    """Return `value`, or raise `ValueError` unless it reads `type:id`. An id may be a Terraform expression."""
    kind, separator, foreign = value.partition(":")
    fits = _ENTITY_TYPE.fullmatch(kind) and separator and 0 < len(foreign) <= _FOREIGN_LIMIT and foreign.isprintable()
    if not fits:
        raise ValueError(f"{what} `{value}` must read `type:id`, such as `user:alice`")
    return value


def check_relation(value: str, what: str) -> None:
    """Raise `ValueError` unless `value` can name a relation."""
    if not _RELATION.fullmatch(value):
        raise ValueError(f"{what} `{value}` must be 1-63 of a-z, 0-9, `_` and `-`, starting with a letter")


def check_document(value: str) -> None:
    """Raise `ValueError` if a policy document is empty, too long, or holds what a reader cannot see."""
    if not value.strip() or len(value.encode()) > _DOCUMENT_LIMIT:
        raise ValueError(f"a policy document holds at least one policy, and at most {_DOCUMENT_LIMIT} bytes")
    for number, line in enumerate(value.replace("\r", "").split("\n"), 1):
        if not line.replace("\t", "").isprintable():
            raise ValueError(f"line {number} of the document holds a control or invisible character")


def literal(text: str) -> str:
    """Text as Terraform has to be given it, so that nothing in it is taken for an expression."""
    return text.replace("${", "$${").replace("%{", "%%{")


def did_you_mean(value: str, known: Collection[str]) -> str:
    """A hint to append to an error: the known name that looks most like `value`, else all of them."""
    close = difflib.get_close_matches(value, known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"known are {quoted(known)}"


def quoted(values: Iterable[str]) -> str:
    """The values in backticks, sorted, or `none`."""
    return ", ".join(f"`{value}`" for value in sorted(values)) or "none"


def local_name(name: str) -> str:
    """The Terraform local name of a registry name. One to one: a leading digit gets a `_`, as no name does."""
    return f"_{name}" if name[0].isdigit() else name


def grant_local_name(identity: str) -> str:
    """The Terraform local name of a grant: readable, and apart from every other grant's by 8 hex digits of its id.

    It depends on this one id alone. A suffix given only on collision would move a grant when another one appears, and
    a moved grant is destroyed and created again.
    """
    words = re.sub(r"[^a-zA-Z0-9_-]+", "_", identity.replace("*", "any")).strip("_")
    return f"{local_name(words)[:80].rstrip('_')}_{hashlib.sha256(identity.encode()).hexdigest()[:8]}"


def grant_id(
    agent: str, target: str, tools: Collection[str], resources: Collection[str], constraints: Declared = NO_LIMITS
) -> str:
    """The registry's name of a grant: `triage/github.read_file@repo:web`, or `triage/web-reader` for a whole scope.

    Limits on arguments follow, each after a comma, as in `billing/crm.refund@crm:acme,amount:..50`. Past 400 characters
    the end gives way to `~` and 16 hex digits of the whole text's SHA-256.
    """
    parts = [f"{agent}/{target}"]
    if tools:
        parts.append("." + "+".join(sorted(tools)))
    if resources:
        parts.append("@" + "+".join(sorted(resources)))
    return _cut("".join(parts) + constraint_text(constraints))


def relation_id(subject: str, relation: str, target: str, through: str | None = None) -> str:
    """The registry's name of a relation: `document:42#owner@user:alice`. Unusual characters are percent-encoded."""
    text = f"{quote(target, safe='/:')}#{relation}@{quote(subject, safe='/:')}"
    return _cut(text + (f"#{through}" if through is not None else ""))


def _cut(text: str) -> str:
    if len(text) <= _GRANT_ID_LIMIT:
        return text
    return f"{text[: _GRANT_ID_LIMIT - _DIGEST - 1]}~{hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]}"
