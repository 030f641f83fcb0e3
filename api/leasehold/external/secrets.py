"""Root secrets of this server by the names that profiles use. From its settings, never through the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from leasehold.model.external import MintRefused
from leasehold.model.names import check_name


@dataclass(frozen=True, slots=True)
class Secrets:
    """`given` are those of the environment (`orders-admin` is `ORDERS_ADMIN` there); then files of `folder`."""

    given: Mapping[str, str] = field(repr=False)
    folder: Path | None = None

    def find(self, name: str) -> str:
        """The secret, read anew each time so that it can be replaced. Raises `MintRefused`."""
        check_name(name)  # no path, no other variable
        if (given := self.given.get(name.upper().replace("-", "_"))) is not None:
            return given
        try:
            if self.folder is not None:
                return (self.folder / name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            pass
        raise MintRefused(f"this server has no secret named `{name}`")
