"""`python -m leasehold_provider.packaging.install`: builds the provider and puts it where `terraform init` looks.

`leasehold provider install` runs this in a process of its own: the server's command line imports nothing of ours.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

from leasehold_provider import __version__

from .archive import ENTRY, PACKAGE, archive_bytes, read_sources
from .mirror import HOSTS, default_plugins, install, lock_hash, python_advice

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
    """Install, read back what was written, and say where it is and what the lock file will hold."""
    options = _parser().parse_args(arguments)
    executable = archive_bytes(read_sources(PACKAGE), ENTRY)
    hosts = tuple(options.host or HOSTS)
    try:
        places = install(executable, options.plugins, hosts)
        damaged = [place for place in places if place.read_bytes() != executable]
    except OSError as failed:
        sys.stderr.write(f"cannot install to `{options.plugins}`: {failed.strerror}\n")
        return 1
    if damaged:
        sys.stderr.write(f"`{damaged[0]}` does not hold what was written\n")
        return 1
    told: dict[str, object] = {
        "version": __version__,
        "files": [str(place) for place in places],
        "sha256": hashlib.sha256(executable).hexdigest(),
        "lock_hash": lock_hash(executable),
        "required_providers": _SNIPPET.format(host=hosts[0], version=__version__),
        "advice": python_advice(),
    }
    sys.stdout.write(json.dumps(told, indent=2) + "\n" if options.json else _readable(told, places))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="leasehold provider install")
    parser.add_argument("--plugins", type=Path, default=default_plugins(), help="root of a filesystem mirror")
    parser.add_argument("--host", action="append", help="host in the provider's source address (repeatable)")
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    return parser


def _readable(told: dict[str, object], places: list[Path]) -> str:
    files = "\n".join(f"  {place}" for place in places)
    advice = f"note: {told['advice']}\n" if told["advice"] else ""
    return (
        f"leasehold provider {told['version']} installed:\n{files}\nlock file hash: {told['lock_hash']}\n{advice}\n"
        f"{told['required_providers']}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
