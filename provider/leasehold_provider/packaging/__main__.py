"""`python -m leasehold_provider.packaging FILE` builds the executable; `… install` puts it where Terraform looks.

Both take `--python PATH` (repeatable) to compile for other interpreters than this one: a release names all it supports.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

from leasehold_provider import __version__

from .artefact import build
from .mirror import HOSTS, default_plugins, install, lock_hash, python_advice, write_executable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_SNIPPET = """\
terraform {{
  required_providers {{
    leasehold = {{
      source  = "{host}/leasehold/leasehold"
      version = "{version}"
    }}
  }}
}}"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, or build and install."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["install"]:
        return _install(given[1:])
    parser = _parser("python -m leasehold_provider.packaging")
    parser.add_argument("file", type=Path, help="where to write the executable")
    options = parser.parse_args(given)
    write_executable(options.file, build(options.python or [sys.executable]))
    return 0


def _install(given: Sequence[str]) -> int:
    parser = _parser("leasehold provider install")
    parser.add_argument("--plugins", type=Path, default=default_plugins(), help="root of a filesystem mirror")
    parser.add_argument("--host", action="append", help="host in the provider's source address (repeatable)")
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    options = parser.parse_args(given)
    executable = build(options.python or [sys.executable])
    hosts = tuple(options.host or HOSTS)
    places = install(executable, options.plugins, hosts)
    for place in places:
        if place.read_bytes() != executable:  # a full disk may say so late
            sys.stderr.write(f"`{place}` does not hold what was written\n")
            return 1
    told: dict[str, object] = {
        "version": __version__,
        "files": [str(place) for place in places],
        "sha256": hashlib.sha256(executable).hexdigest(),
        "lock_hash": lock_hash(executable),
        "required_providers": _SNIPPET.format(host=hosts[0], version=__version__),
        "advice": python_advice(executable),
    }
    sys.stdout.write(json.dumps(told, indent=2) + "\n" if options.json else _readable(told))
    return 0


def _readable(told: dict[str, object]) -> str:
    files = "\n".join(f"  {file}" for file in told["files"])  # type: ignore[attr-defined]  # a list, see _install
    advice = f"\nnote: {told['advice']}\n" if told["advice"] else ""
    return (
        f"leasehold provider {told['version']} installed:\n{files}\nlock file hash: {told['lock_hash']}\n{advice}\n"
        f"{told['required_providers']}\n"
    )


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("--python", action="append", help="also an interpreter to compile for (repeatable)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
