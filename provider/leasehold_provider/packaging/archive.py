"""The single file's bytes, from sources alone: no clock, path, compressor or interpreter version shows in them."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
ENTRY = "leasehold_provider.__main__:main"
BOOTSTRAP = "leasehold_bootstrap"

# Started through `-c`, the interpreter imports one small module; started on the zip it would import runpy first (6 ms).
# -I: neither the user's environment nor the working directory can put a module in our way. -S: no site-packages.
_LAUNCHER = f"""\
#!/bin/sh
exec "${{LEASEHOLD_PYTHON:-python3}}" -IS -c 'import sys; del sys.argv[0]; sys.path.insert(0, sys.argv[0]); \
import {BOOTSTRAP}; {BOOTSTRAP}.main(sys.argv[0])' "$0" "$@"
"""
_MAIN = f"import sys\nimport {BOOTSTRAP}\n{BOOTSTRAP}.main(sys.path[0])\n"
_NOT_PACKED = frozenset({"packaging", "documentation", "__pycache__"})
_EPOCH = (1980, 1, 1, 0, 0, 0)
_REGULAR_FILE = 0o100644 << 16
_UNIX = 3


def build(out: Path, package: Path = PACKAGE, entry: str = ENTRY) -> str:
    """Write the single file and return its SHA-256 in hex. The entry is `module:function` within the package."""
    content = archive_bytes(read_sources(package), entry)
    out.write_bytes(content)
    out.chmod(0o755)
    return hashlib.sha256(content).hexdigest()


def read_sources(package: Path) -> dict[str, bytes]:
    """Return what is packed: every Python source of the package but what builds it, by name in the archive."""
    return {
        path.relative_to(package.parent).as_posix(): path.read_bytes()
        for path in sorted(package.rglob("*.py"))
        if not _NOT_PACKED & set(path.relative_to(package).parts)
    }


def archive_bytes(sources: dict[str, bytes], entry: str) -> bytes:
    """Return the launcher followed by the zip."""
    out = io.BytesIO()
    out.write(_LAUNCHER.encode())
    files = {**sources, f"{BOOTSTRAP}.py": _bootstrap(sources, entry), "__main__.py": _MAIN.encode()}
    # Stored, not deflated: compressors differ between machines, and reading is faster.
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(_entry(name), files[name])
    return out.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    described = zipfile.ZipInfo(name, _EPOCH)
    described.create_system = _UNIX
    described.external_attr = _REGULAR_FILE
    return described


def _bootstrap(sources: dict[str, bytes], entry: str) -> bytes:
    text = Path(__file__).with_name("bootstrap.py").read_text(encoding="utf-8")
    for mark, value in (("@DIGEST@", _digest(sources)), ("@ENTRY@", entry), ("@FILES@", " ".join(sorted(sources)))):
        text = text.replace(mark, value)
    return text.encode()


def _digest(sources: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(sources):
        digest.update(f"{name}\0{len(sources[name])}\0".encode() + sources[name])
    return digest.hexdigest()
