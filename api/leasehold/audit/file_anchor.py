"""Checkpoints kept in a file that only grows, on a disk or a share that others look after."""

from __future__ import annotations

import os
from pathlib import Path

from leasehold.model.trail.checkpoints import Checkpoint, NotAnchored


class FileAnchor:
    """Appends notes to one file, a blank line behind each, durable before it returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"file:{path}"

    def keep(self, checkpoint: Checkpoint, origin: str) -> None:  # noqa: ARG002  the note says it
        """Append a note. Raises `NotAnchored`."""
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                text = f"{checkpoint.note}\n".encode()
                if os.write(descriptor, text) != len(text):
                    raise NotAnchored("the file took half a checkpoint")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise NotAnchored(f"the file cannot be written ({error.strerror})") from error
