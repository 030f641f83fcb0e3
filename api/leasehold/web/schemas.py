"""`python -m leasehold.web.schemas FOLDER`: the published contracts, written from the code that serves them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from leasehold.model.errors import Unavailable
from leasehold.model.kinds import Kind
from leasehold.model.principal import Principal
from leasehold.registry.ports import UnitOfWork
from leasehold.review.gate.rules_schema import rules_schema
from leasehold.web.components import body_schema
from leasehold.web.control_plane import control_plane
from leasehold.web.doors import Doors
from leasehold.web.review_routes import review_schemas


def published(app: FastAPI) -> Iterator[tuple[str, dict[str, Any]]]:  # Any: schemas are JSON
    """Every contract of this room, by file name."""
    yield "openapi.json", app.openapi()
    for kind in Kind:
        dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
        yield f"{kind.value}.schema.json", {**dialect, **body_schema(kind)}
    for name, document in review_schemas().items():
        yield f"{name}.schema.json", document
    yield "gate-rules.schema.json", rules_schema()


def render(document: dict[str, Any]) -> str:  # Any: as above
    """The text of a contract: stable, so that a diff shows what changed."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


class _Closed:
    """Neither store nor authenticator: a registry that is only described lets nobody in."""

    def authenticate(self, _token: str, _now: datetime, _key: str | None = None, /) -> Principal:
        raise Unavailable("this registry is only described")

    def begin(self) -> AbstractContextManager[UnitOfWork]:
        raise Unavailable("this registry is only described")

    read = begin


def described() -> FastAPI:
    """The control plane for its description alone."""
    closed = _Closed()
    return control_plane(Doors(store=closed, authenticator=closed, clock=lambda: datetime.now(UTC)))


def main(arguments: Sequence[str]) -> None:
    """Write every contract into the folder named."""
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in published(described()):
        (folder / name).write_text(render(document), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
