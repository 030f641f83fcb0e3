"""Phrases that read like instructions to a model. Advice and no more: the malice of a tool is rarely in its words."""

from __future__ import annotations

from collections.abc import Iterator

from leasehold.scan.patterns import pattern

_PHRASES = {
    "ignore_previous": (
        r"(?:ignore|disregard|forget|override)\s+(?:all\s+|any\s+)?(?:of\s+)?(?:the\s+|your\s+)?"
        r"(?:previous|prior|above|earlier|preceding)\s+(?:instructions?|prompts?|rules|messages|directions)"
    ),
    "conceal": (
        r"(?:do\s+not|don't|never)\s+(?:tell|inform|mention|reveal|show|notify|alert)\s+"
        r"(?:this\s+|it\s+)?(?:to\s+)?(?:the\s+)?(?:user|human|person)"
    ),
    "role_markup": r"<\|?(?:im_start|system|important|instructions?)\|?>|\[/?INST\]",
    "new_instructions": r"(?:your\s+new|new\s+system)\s+(?:instructions?|prompt|task)\s*(?:is|are|:)",
    "before_use": (
        r"before\s+(?:using|calling|invoking)\s+(?:this|any(?:\s+other)?)\s+tools?,?\s+"
        r"(?:you\s+must|always|first|read)"
    ),
    "send_secrets": (
        r"(?:send|post|upload|forward|exfiltrate)\s+(?:[\w.~/-]{1,30}\s+){0,5}"
        r"(?:ssh\s+keys?|\.ssh|id_rsa|credentials|passwords|\.env)"
    ),
}
_RULES = tuple(_PHRASES)
EXPRESSION = "(?i)" + "|".join(f"({phrase})" for phrase in _PHRASES.values())
_PATTERN = pattern(EXPRESSION)


def advice_in(text: bytes, seen: int) -> Iterator[tuple[str, int, int]]:
    """Rule, start and end of every such phrase after the first `seen` bytes."""
    at = seen
    while found := _PATTERN.search(text, at):
        group = found.lastindex or 1
        start, at = found.span(group)
        yield _RULES[group - 1], start, at
