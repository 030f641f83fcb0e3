"""A tool server that is a program: started for one caller, shut off from everything that is ours, and short-lived.

It inherits no environment and no open file, has a folder of its own that goes with it, cannot gain privileges, and is
held to memory, processor time and files by the kernel. Where the system lets us, it lives in namespaces of its own:
it sees no process but its own, and all of them end with it; and it does not see where our keys and our database are,
though it runs as the user that we are.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import ClassVar

from leasehold.gateway.conversations import Conversation
from leasehold.gateway.upstreams import Outgoing, UpstreamFailed

MAX_LINE_BYTES = 8 << 20
_SECONDS_TO_END = 2.0
_LIMITS = {"AS": 2 << 30, "CPU": 300, "NOFILE": 256, "FSIZE": 64 << 20, "CORE": 0}
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
_NAMESPACES = ("--user", "--map-current-user", "--keep-caps", "--pid", "--fork", "--kill-child", "--mount-proc",
               "--ipc", "--uts")  # fmt: skip
# Nothing of ours stays open (libuv leaves that to each file's own flag), then limits, then no way back to privileges
# (prctl PR_SET_NO_NEW_PRIVS), then the program in our place.
_LAUNCH = """
import ctypes, os, resource, sys
os.closerange(3, 1 << 20)
limits, argv = sys.argv[1].split(","), sys.argv[2:]
for limit in limits:
    name, value = limit.split("=")
    resource.setrlimit(getattr(resource, "RLIMIT_" + name), (int(value), int(value)))
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
os.execv(argv[0], argv)
"""
# In its namespaces: something empty over what it must not see (MS_BIND; tmpfs, MS_RDONLY and what else forbids), then
# no capability any more, in no set (prctl PR_CAPBSET_DROP, capset): who has one there could look beneath.
_HIDE = """
import ctypes, os, sys
libc, count = ctypes.CDLL(None, use_errno=True), int(sys.argv[1])
hidden, argv = sys.argv[2 : 2 + count], sys.argv[2 + count :]
for path in hidden:
    if os.path.isdir(path):
        failed = libc.mount(b"none", os.fsencode(path), b"tmpfs", 15, b"size=4k,mode=000")
    else:
        failed = libc.mount(b"/dev/null", os.fsencode(path), None, 4096, None)
    if failed:
        sys.exit("it is not hidden: " + os.strerror(ctypes.get_errno()))
for capability in range(64):
    libc.prctl(24, capability, 0, 0, 0)
if libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()):
    sys.exit("capabilities are not given up")
os.execv(argv[0], argv)
"""
_PYTHON = (sys.executable, "-I", "-S", "-c")
_log = logging.getLogger(__name__)


class Program(Conversation):
    """One running program."""

    ended_as: ClassVar[str] = "program_ended"

    def __init__(self, process: asyncio.subprocess.Process, folder: str) -> None:
        super().__init__()
        self._process, self._folder = process, folder
        self._reading = asyncio.get_running_loop().create_task(self._read())

    @property
    def runs(self) -> bool:
        """True until it has ended."""
        return self._process.returncode is None and not self._reading.done()

    async def write(self, outgoing: Outgoing) -> None:
        """Send one message or batch, on one line. Raises `UpstreamFailed`."""
        body = outgoing.body
        line = body if b"\n" not in body and b"\r" not in body else json.dumps(json.loads(body)).encode()
        pipe = self._process.stdin
        if pipe is None or not self.runs:
            raise UpstreamFailed("program_ended")
        try:
            pipe.write(line + b"\n")
            async with asyncio.timeout(_SECONDS_TO_END):
                await pipe.drain()
        except (OSError, TimeoutError):
            raise UpstreamFailed("program_reads_nothing") from None

    async def end(self) -> None:
        """End it, and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS_TO_END):
                await self._process.wait()
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _read(self) -> None:
        pipe = self._process.stdout
        try:
            while pipe is not None and (line := await pipe.readline()):
                await self._sort(line.strip())
        except (ValueError, OSError):  # a line without an end
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        finally:
            self._tell_the_end()


async def start(command: Sequence[str], hidden: Sequence[Path] = ()) -> Program:
    """Start a program, which does not see `hidden` files and folders. Raises `UpstreamFailed`."""
    folder = tempfile.mkdtemp(prefix="leasehold-stdio-")
    limits = ",".join(f"{name}={value}" for name, value in _LIMITS.items())
    launch = (*_PYTHON, _LAUNCH, limits, *_apart(hidden), *command)
    try:
        process = await asyncio.create_subprocess_exec(
            *launch,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**_ENVIRONMENT, "HOME": folder, "TMPDIR": folder},
            cwd=folder,
            start_new_session=True,
            limit=MAX_LINE_BYTES,
        )
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise UpstreamFailed("program_does_not_start") from None
    return Program(process, folder)


@cache
def namespaces() -> tuple[str, ...]:
    """The beginning of a command that gives it namespaces of its own; empty where the system refuses that."""
    unshare = shutil.which("unshare", path=_ENVIRONMENT["PATH"])
    if unshare is not None:
        tried = (unshare, *_NAMESPACES, "--", *_PYTHON, _HIDE, "0", "/bin/true")
        done = subprocess.run(tried, capture_output=True, check=False, env=_ENVIRONMENT, timeout=5)  # noqa: S603  ours
        if done.returncode == 0:
            return (unshare, *_NAMESPACES, "--")
    _log.warning(
        "programs are started without namespaces of their own, and can read what this server can: "
        "this system does not let us make any"
    )
    return ()


def _apart(hidden: Sequence[Path]) -> tuple[str, ...]:
    """The same, with what it does not see: of what there is, the places that links lead to."""
    begin, found = namespaces(), {path.resolve() for path in hidden if path.exists()}
    places = sorted(str(path) for path in found if found.isdisjoint(path.parents))
    return (*begin, *_PYTHON, _HIDE, str(len(places)), *places) if begin else ()
