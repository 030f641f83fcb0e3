"""Problem documents (RFC 9457) of the registry, turned into errors that point at the attribute and say what to do.

Text from the registry may quote what others wrote: control characters never reach the user's terminal.
"""

from __future__ import annotations

from .protocol import DiagnosticError, Key
from .protocol.schema import Nested

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from .client import Answer
    from .protocol import Schema

    Step = str | int | Key

_SAVED = "terraform plan -out tfplan && terraform show -json tfplan > plan.json"
HOW_TO_GET_ONE = (
    f"To have it approved: `{_SAVED}`, `leasehold review plan.json --stack %s --gate --receipt receipt.json`, and an "
    "approver runs `leasehold approve receipt.json --out approved.json`. Then apply with "
    "`LEASEHOLD_RECEIPT_FILE=approved.json`."
)
_SUMMARIES = {
    "precondition_failed": "Live object changed since the plan",
    "above_ceiling": "Grant above a ceiling",
    "unknown_reference": "Unknown reference",
    "invalid_body": "Value refused by the registry",
    "managed_elsewhere": "Managed by another stack",
    "in_use": "Still in use",
    "forbidden": "Not allowed",
    "unauthenticated": "Not authenticated",
    "unavailable": "Registry unavailable",
}
_TEXT_LIMIT = 2000
_CHANGES_SHOWN = 20


class Problem(DiagnosticError):
    """An answer other than success, as one error for the user; `code` and `members` are for our own decisions."""

    def __init__(self, status: int, members: Mapping[str, Any], what: str, path: Sequence[Step] = ()) -> None:
        self.status = status
        self.code = plain(members.get("code", ""))
        self.members = members
        summary = _SUMMARIES.get(self.code) or plain(members.get("title", "")) or f"Registry answered {status}"
        super().__init__(summary, _detail(status, members, what), path)


def problem_of(answer: Answer, what: str, schema: Schema | None = None) -> Problem:
    """Make the error that `answer` amounts to; `what` names the object in the message."""
    body = answer.json()
    members = body if isinstance(body, dict) else {}
    path = path_of(_dotted_path(members), schema) if schema is not None else ()
    return Problem(answer.status, members, what, path)


def _dotted_path(members: Mapping[str, Any]) -> str:
    errors = members.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        return plain(errors[0].get("path", ""))
    if members.get("code") == "above_ceiling":
        return "tools"
    return plain(members.get("path", ""))


def path_of(dotted: str, schema: Schema) -> tuple[Step, ...]:
    """Turn `tools.read_file.action` into a path of Terraform, as far as the schema goes along."""
    attributes: Mapping[str, Any] = schema.attributes
    steps: list[Step] = []
    rest = dotted
    while rest:
        name, _, rest = rest.partition(".")
        attribute = attributes.get(name)
        if attribute is None:
            break
        steps.append(name)
        if not isinstance(attribute, Nested):
            break
        if attribute.nesting == "map" and rest:
            key, _, rest = _split_key(rest, attribute.attributes)
            steps.append(Key(key))
        attributes = attribute.attributes
    return tuple(steps)


def _split_key(rest: str, inner: Mapping[str, Any]) -> tuple[str, str, str]:
    """Split `<key>.<attribute>`; the key itself may hold dots."""
    key, dot, last = rest.rpartition(".")
    return (key, dot, last) if dot and last in inner else (rest, "", "")


def _detail(status: int, members: Mapping[str, Any], what: str) -> str:
    said = plain(members.get("detail", "")) or f"the registry answered {status} without saying why"
    lines = [f"{what}: {said}"]
    lines += _other_errors(members.get("errors"))
    lines += changes_since(members.get("changed_since"))
    lines += _counterexample(members)
    hint = _hint(status, members)
    return "\n".join([*lines, *([hint] if hint else [])])


def _other_errors(errors: object) -> list[str]:
    if not isinstance(errors, list) or len(errors) < 2:  # noqa: PLR2004 -- the detail tells a single one
        return []
    known = [item for item in errors if isinstance(item, dict)]
    return [f"  {plain(item.get('path', ''))}: {plain(item.get('message', ''))}" for item in known[:_CHANGES_SHOWN]]


def changes_since(revisions: object) -> list[str]:
    """Tell who changed what and when, one line per revision and changed attribute."""
    lines: list[str] = []
    for revised in revisions if isinstance(revisions, list) else ():
        if not isinstance(revised, dict):
            continue
        who, when = plain(revised.get("by", "")), plain(revised.get("at", ""))
        what = plain(revised.get("operation", "changed"))
        lines.append(f"  revision {plain(revised.get('revision', ''))}: {what} by {who} at {when}")
        changes = revised.get("changes")
        lines += [
            f"    {plain(one.get('path', ''))}: {_shown(one.get('before'))} -> {_shown(one.get('after'))}"
            for one in (changes if isinstance(changes, list) else ())
            if isinstance(one, dict)
        ]
    return lines[:_CHANGES_SHOWN] + (["  ..."] if len(lines) > _CHANGES_SHOWN else [])


def _counterexample(members: Mapping[str, Any]) -> list[str]:
    if members.get("code") != "above_ceiling" or not members.get("tool"):
        return []
    ceiling = members.get("ceiling")
    where = f"ceiling `{plain(ceiling)}`" if ceiling else "every ceiling: none applies to this agent"
    return [f"  `{plain(members['tool'])}` on `{plain(members.get('resource', ''))}` lies outside {where}"]


def _hint(status: int, members: Mapping[str, Any]) -> str:
    if members.get("code") == "precondition_failed":
        return "Nothing was written. Run `terraform plan` again to see what is live now."
    if status == 503:  # noqa: PLR2004
        return "Nothing was written. Try again when the registry is back."
    return ""


def _shown(value: object) -> str:
    import json  # noqa: PLC0415 -- only errors come here

    return plain(json.dumps(value, ensure_ascii=False, sort_keys=True))


def plain(value: object) -> str:
    """Return `value` as short text without control, bidirectional and invisible characters."""
    text = "".join(char if char.isprintable() else " " for char in str(value))
    return text if len(text) <= _TEXT_LIMIT else f"{text[:_TEXT_LIMIT]}..."
