"""What a scan has to say of tools that nobody approved yet. Advice: it approves nothing and denies nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from leasehold.model.tool_surfaces import ToolSurface
from leasehold.scan.findings import FindingKind, Response, ScanPolicy
from leasehold.scan.names import name_findings, skeleton
from leasehold.scan.scanning import scan
from leasehold.scan.windows import Form

_TELL = ScanPolicy(responses=dict.fromkeys(FindingKind, Response.LOG))
_KEY = b"digests of a scan whose digests nobody keeps"  # they leave this module never


@dataclass(frozen=True, slots=True, order=True)
class Advice:
    """One thing to look at before approving; `tool` is empty for the instructions.

    `kind` and `rule` are the scan's: `bidi` `U+202E`, `instruction` `conceal`, `confusable` `look_alike`.
    """

    tool: str
    kind: str
    rule: str


def advice_on(live: ToolSurface, tools: Iterable[str], *, instructions: bool) -> tuple[Advice, ...]:
    """What there is to say of these tools of a surface, and of its instructions if asked."""
    asked = sorted(tools)
    texts = [(name, live.tools[name]) for name in asked if name in live.tools]
    found = {one for name, text in texts for one in _of_text(name, text, Form.JSON)}
    if instructions:
        found.update(_of_text("", live.instructions, Form.TEXT))
    return tuple(sorted(found | set(_of_names(asked, live.names))))


def _of_text(tool: str, text: str, form: Form) -> Iterator[Advice]:
    content = text.encode()
    for one in scan(content, _TELL, _KEY, form).findings:
        yield Advice(tool, one.kind.value, one.rule)


def _of_names(asked: Iterable[str], listed: Iterable[str]) -> Iterator[Advice]:
    looks: dict[str, list[str]] = defaultdict(list)
    for name in listed:
        looks[skeleton(name)].append(name)
    for name in asked:
        for one in name_findings(name, looks[skeleton(name)], _TELL):
            yield Advice(name, one.kind.value, one.rule)
