"""What a scan finds, and what is to be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from leasehold.model.errors import InvalidValue


class FindingKind(StrEnum):
    """What kind of thing was found; the policy answers by kind."""

    SECRET = "secret"  # noqa: S105 — the word, and no secret
    TAG = "tag"
    BIDI = "bidi"
    ZERO_WIDTH = "zero_width"
    VARIATION = "variation"
    FILLER = "filler"
    ANSI = "ansi"
    CONTROL = "control"
    CONFUSABLE = "confusable"
    INSTRUCTION = "instruction"


class Response(StrEnum):
    """What is done about a finding. `allow`: nothing, not even a finding."""

    ALLOW = "allow"
    LOG = "log"
    REDACT = "redact"
    BLOCK = "block"


# A phrase that reads like an instruction is advice: it must neither change what is said nor stop it.
_ADVICE = frozenset({Response.ALLOW, Response.LOG})
_WHOLE_NAMES = frozenset({Response.ALLOW, Response.LOG, Response.BLOCK})
_DEFAULTS = {
    FindingKind.SECRET: Response.REDACT,
    FindingKind.TAG: Response.REDACT,
    FindingKind.BIDI: Response.REDACT,
    FindingKind.ZERO_WIDTH: Response.REDACT,
    FindingKind.VARIATION: Response.REDACT,
    FindingKind.FILLER: Response.REDACT,
    FindingKind.ANSI: Response.REDACT,
    FindingKind.CONTROL: Response.REDACT,
    FindingKind.CONFUSABLE: Response.BLOCK,
    FindingKind.INSTRUCTION: Response.LOG,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPolicy:
    """The response to each kind. A kind that `responses` leaves out keeps its default, which is never `allow`."""

    responses: Mapping[FindingKind, Response] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.response(FindingKind.INSTRUCTION) not in _ADVICE:
            raise InvalidValue("instruction is advice: it can be `allow` or `log`")
        if self.response(FindingKind.CONFUSABLE) not in _WHOLE_NAMES:
            raise InvalidValue("confusable is about a whole name: it can be `allow`, `log` or `block`")

    def response(self, kind: FindingKind) -> Response:
        """What is done about this kind."""
        return self.responses.get(kind, _DEFAULTS[kind])


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found: which rule, where in the bytes that came in, and what was done. Never the text itself.

    `digest` (secrets alone) is a keyed BLAKE2b of the secret: equal for equal secrets, useless without the key.
    """

    kind: FindingKind
    rule: str
    start: int
    length: int
    response: Response
    digest: str = ""
