"""Loads a foreign scenario through the registry's public interface: `python load.py todo.json`.

A scenario is a JSON object: `users`, `resources`, `relations` and `policies`, each an object of bodies by name. A text
that begins with `@` names a file beside it. The registry is LEASEHOLD_ENDPOINT, the caller LEASEHOLD_TOKEN.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx

KINDS = ("users", "resources", "relations", "policies")  # policies last: they are checked against what is there


def objects(scenario: Path) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Every object of a scenario, as (kind, name, body)."""
    given = json.loads(scenario.read_text())
    for kind in KINDS:
        for name, body in given.get(kind, {}).items():
            yield kind, name, {key: _text(scenario, value) for key, value in body.items()}


def load(endpoint: str, token: str, scenario: Path) -> None:
    """Create every object."""
    headers = {"Authorization": f"Bearer {token}", "If-None-Match": "*"}
    with httpx.Client(base_url=endpoint, headers=headers) as registry:
        for kind, name, body in objects(scenario):
            answer = registry.put(f"/v1/{kind}/{quote(name, safe='')}", json=body)
            print(answer.status_code, kind, name, "" if answer.is_success else answer.text)
            answer.raise_for_status()


def _text(scenario: Path, value: object) -> object:
    if isinstance(value, str) and value.startswith("@"):
        return scenario.with_name(value[1:]).read_text()
    return value


if __name__ == "__main__":
    load(os.environ["LEASEHOLD_ENDPOINT"], os.environ["LEASEHOLD_TOKEN"], Path(sys.argv[1]))
