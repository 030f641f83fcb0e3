"""Loads a foreign scenario through the registry's public interface: `python load.py todo.json`.

A scenario is a JSON object: `users`, `resources`, `relations` and `policies`, each an object of bodies by name. A text
that begins with `@` names a file beside it. The registry is LEASEHOLD_ENDPOINT, the caller LEASEHOLD_TOKEN.
"""

import json
import os
import sys
import urllib.request
from pathlib import Path
from urllib.parse import quote

KINDS = ("users", "resources", "relations", "policies")  # policies last: they are checked against what is there


def objects(scenario: Path):
    """Every object of a scenario, as (kind, name, body)."""
    given = json.loads(scenario.read_text())
    for kind in KINDS:
        for name, body in given.get(kind, {}).items():
            yield kind, name, {key: _text(scenario, value) for key, value in body.items()}


def load(endpoint: str, token: str, scenario: Path) -> None:
    """Create every object."""
    for kind, name, body in objects(scenario):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "If-None-Match": "*"}
        where = f"{endpoint}/v1/{kind}/{quote(name, safe='')}"
        request = urllib.request.Request(where, json.dumps(body).encode(), headers, method="PUT")
        with urllib.request.urlopen(request) as answer:
            print(answer.status, kind, name)


def _text(scenario: Path, value: object) -> object:
    if isinstance(value, str) and value.startswith("@"):
        return scenario.with_name(value[1:]).read_text()
    return value


if __name__ == "__main__":
    load(os.environ["LEASEHOLD_ENDPOINT"], os.environ["LEASEHOLD_TOKEN"], Path(sys.argv[1]))
