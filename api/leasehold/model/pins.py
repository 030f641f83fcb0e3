"""Tool pins: what of a tool server somebody looked at and approved, whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from leasehold.model.errors import InvalidValue
from leasehold.model.names import check_text
from leasehold.model.surface_texts import read_surface, surface_text
from leasehold.model.tool_surfaces import SURFACE_LIMIT, ToolSurface


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolPin:
    """The approved surface of the tool server of the same name. `surface`: an answer to `tools/list`, as JSON text.

    It is kept in one form (`model.surface_texts`), so that two spellings of one surface are one text.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = {
        "extra": "forbid",
        "strict": False,
        "str_max_length": 4 * SURFACE_LIMIT,
    }
    surface: str
    justification: str

    def __post_init__(self) -> None:
        check_text(self.justification, "justification")
        if not self.justification.strip():
            raise InvalidValue("justification must say what was looked at, and why it is fine")
        object.__setattr__(self, "surface", surface_text(read_surface(self.surface)))

    @property
    def approved(self) -> ToolSurface:
        """The surface that is approved."""
        return read_surface(self.surface)

    @property
    def digest(self) -> str:
        """The name of exactly this surface: `sha256:` and 64 hex digits."""
        return f"sha256:{self.approved.digest}"
