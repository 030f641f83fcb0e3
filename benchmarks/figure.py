"""One measured figure, and its line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` in `unit`; `versus` is the other side, measured in the same run, and `ratio` is ours against it."""

    name: str
    value: float
    unit: str
    versus: float | str | None = None
    ratio: float | None = None

    def line(self) -> str:
        """The figure as one JSON line, numbers rounded to four significant digits."""
        return json.dumps({key: _rounded(value) for key, value in asdict(self).items()})


def _rounded(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value
