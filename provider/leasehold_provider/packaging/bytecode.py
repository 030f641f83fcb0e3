"""Compile the provider's modules for the interpreter that runs this, in a fresh process of its own.

Bytes of compiled code depend on what else the process has interned and on the hash seed, so `artefact` starts this file
with a fixed seed and nothing imported. It imports nothing of ours: other versions of Python run it too.
"""

from __future__ import annotations

import py_compile
import sys
from pathlib import Path

_STRIP_DOCSTRINGS = 2


def main(source: str, target: str) -> None:
    """Write a `.pyc` for each `.py` below `source` to the same place below `target`; print which Python's they are."""
    for path in sorted(Path(source).rglob("*.py")):
        name = path.relative_to(source)
        py_compile.compile(
            str(path),
            str(Path(target) / name.with_suffix(".pyc")),
            name.as_posix(),
            doraise=True,
            optimize=_STRIP_DOCSTRINGS,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    sys.stdout.write(f"cp{sys.version_info[0]}{sys.version_info[1]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
