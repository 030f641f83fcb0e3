"""Files that a long apply re-reads its token and its key from: ours alone, always whole, gone at the end."""

from __future__ import annotations

import os

from .protocol import DiagnosticError


def write_token_file(path: str, token: str, attribute: str = "token_file") -> None:
    """Put a secret at `path`, mode 0600, in one step; a reader sees the old one or the new one."""
    fresh = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 -- a descriptor has no path
            file.write(token)
        os.replace(fresh, path)  # noqa: PTH105 -- pathlib takes 10 ms to import
    except OSError as failed:
        remove_token_file(fresh)
        raise DiagnosticError(
            f"Cannot write the file of `{attribute}`", f"`{path}`: {failed.strerror}", (attribute,)
        ) from None


def remove_token_file(path: str) -> None:
    """Remove the file if it is there."""
    try:
        os.unlink(path)  # noqa: PTH108 -- pathlib takes 10 ms to import
    except OSError:
        return
