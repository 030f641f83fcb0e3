"""`python -m leasehold_provider.packaging OUT` builds the single file and prints its SHA-256."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .archive import ENTRY, PACKAGE, build


def main() -> None:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(prog="python -m leasehold_provider.packaging", description=__doc__)
    parser.add_argument("out", type=Path, help="the file to write")
    parser.add_argument("--package", type=Path, default=PACKAGE, help="folder of the package to pack")
    parser.add_argument("--entry", default=ENTRY, help="module:function to call")
    chosen = parser.parse_args()
    sys.stdout.write(f"{build(chosen.out, chosen.package, chosen.entry)}  {chosen.out}\n")


if __name__ == "__main__":
    main()
