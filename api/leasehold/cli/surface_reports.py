"""What a tool server shows against its pin, for a terminal: what hides is spelt out, and advice is called advice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from leasehold.cli.connection import Json
from leasehold.cli.safe_text import visible

_LINE = 1_000
_ADVICE = {
    "confusable": "its name can be taken for another",
    "instruction": "reads like orders to a model",
    "secret": "holds what looks like a secret",
    "ansi": "drives a terminal",
}
_STATES = {"first_seen": "nobody approved it", "changed": "not as approved", "gone": "approved, and no longer listed"}


def surface_text(report: Json) -> str:
    """The whole report."""
    return "\n".join((*_head(report), *_changes(report), *_foot(report))) + "\n"


def _head(report: Json) -> Iterator[str]:
    name, usable, held = visible(report["tool_server"]), len(report["usable"]), len(report["quarantined"])
    yield f"{name}: {_count(usable, 'tool')} usable, {held} quarantined (pinning {visible(report['pinning'])})"
    pin, seen = report["pin"], report["observed"]
    if pin is None:
        yield "  pin   none: nobody approved anything of it"
    else:
        by = f"by {visible(pin['updated_by'])} at {visible(pin['updated_at'])}"
        stack = f", in stack {visible(pin['managed_by'])}" if pin["managed_by"] else ""
        yield f"  pin   {visible(pin['digest'])}  revision {int(pin['revision'])} {by}{stack}"
    if seen is None:
        yield "  seen  never: list it through the gateway, or `leasehold tools fetch`"
    else:
        yield f"  seen  {visible(seen['digest'])}  first at {visible(seen['first_at'])}, by {visible(seen['by'])}"
        if seen["problem"]:
            yield f"        its last list is refused whole: {visible(seen['problem'], _LINE)}"


def _changes(report: Json) -> Iterator[str]:
    advice: dict[str, list[str]] = defaultdict(list)
    for one in report["advice"]:
        said = _ADVICE.get(one["kind"], "hidden characters")
        advice[one["tool"]].append(f"{said} ({visible(one['kind'])} {visible(one['rule'])})")
    for one in report["changes"]:
        yield ""
        tool = visible(one["tool"]) if one["tool"] else "instructions"
        yield f"{_sign(one['state'])} {tool}: {_STATES.get(one['state'], visible(one['state']))}"
        yield from (f"    {visible(words, _LINE)}" for words in one["words"])
        yield from (f"    advice: {said}" for said in advice.pop(one["tool"], ()))
    if report["omitted"]:
        yield f"\n… and {int(report['omitted'])} more"


def _foot(report: Json) -> Iterator[str]:
    seen = report["observed"]
    if report["changes"] and seen is not None and not seen["problem"]:
        yield ""
        yield "Approve exactly this, once it is read over:"
        yield f"  leasehold tools approve {visible(report['tool_server'])} --digest {visible(seen['digest'])} \\"
        yield '    --justification "what was looked at"'


def _sign(state: str) -> str:
    return {"first_seen": "+", "gone": "-"}.get(state, "~")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
