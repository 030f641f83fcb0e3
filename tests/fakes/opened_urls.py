"""Where programs say that a person's browser goes."""

import re
import time
from collections.abc import Callable
from pathlib import Path

from tests.fakes.serving import PATIENCE


def said_url(output: Path, runs: Callable[[], bool]) -> str:
    """The first address of ours at which a person is to log in, in what a program writes while it runs."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and runs():
        said = output.read_text(errors="replace")
        if found := re.search(r"https?://[^\s\x1b\x07]+?/oauth2/authorize\?[^\s\x1b\x07]+", said):
            return found[0]
        time.sleep(0.1)
    raise AssertionError(output.read_text(errors="replace"))
