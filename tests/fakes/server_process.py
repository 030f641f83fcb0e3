"""`leasehold serve` in a process of its own that starts in a moment: a copy of one that has imported everything.

What the process does from there is what `leasehold` does with the same arguments. That the command starts from nothing
is what `tests/e2e/registry` and the demo show.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_COPIES = multiprocessing.get_context("forkserver")
_COPIES.set_forkserver_preload(["leasehold.cli.serve"])


class ServerProcess:
    """A server that runs, or ran. Its standard output is in `output`, anew; its standard error at the end of `log`."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], output: Path, log: Path) -> None:
        self._process = _COPIES.Process(target=_serve, args=(arguments, dict(environment), output, log), daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, seconds: float | None = None) -> int | None:
        """The same, once it has ended or the time is up."""
        self._process.join(seconds)
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


def _serve(arguments: Sequence[str], environment: Mapping[str, str], output: Path, log: Path) -> None:
    from leasehold.cli.main import main  # noqa: PLC0415  in the process that serves

    for path, mode, descriptor in ((output, "wb", 1), (log, "ab", 2)):
        with path.open(mode) as file:
            os.dup2(file.fileno(), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["leasehold", "serve", *arguments]
    main()
