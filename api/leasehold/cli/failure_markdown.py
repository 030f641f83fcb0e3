"""The comment of a run that could not tell: it must never be read as `no change`."""

from __future__ import annotations

from leasehold.cli.circumstances import marker
from leasehold.cli.exits import Failure
from leasehold.cli.safe_text import code, prose, words

_NOUNS = {
    "review": "what this change does to agents' access",
    "comparison": "what one version lets agents do that the other does not",
    "drift": "whether agents' access is as declared",
}


def failure_markdown(kind: str, stacks: tuple[str, ...], failure: Failure) -> str:
    """Why nothing is known about the stacks. `where` stays out: it may be an address that the public should not see."""
    named = ", ".join(code(one) for one in stacks[:5])
    lines = [
        marker(kind, {"stacks": list(stacks)}),
        f"### ❌ Not known: {_NOUNS[kind]}{f' in {named}' if named else ''}",
        "",
        "> ⚠️ **Do not read this as “no change”.** The comparison did not take place.",
        "",
        *(f"- {prose(line.strip())}" for line in failure.what.split("\n")[:10]),
    ]
    if failure.next_step:
        lines.append(f"- next: {prose(failure.next_step)}")
    return "\n".join([*lines, "", f"<sub>{words('This comment is brought up to date by the next run.')}</sub>", ""])
