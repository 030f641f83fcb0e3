"""A tool server that is a program: started for one caller, shut off from everything that is ours, and short-lived.

It inherits no environment and no open file, has a folder of its own that goes with it, cannot gain privileges, and is
held to memory, processor time and files by the kernel. Where the system lets us, it lives in namespaces of its own:
it sees no process but its own, and all of them end with it; and it sees neither where our keys and our database are
nor the folders of other programs, though it runs as the user that we are. Where the system does not, it is not started,
unless the operator said that it may be.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
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
# Nothing of ours stays open (libuv leaves that to each file's own flag), it ends when we do, however that is (prctl
# PR_SET_PDEATHSIG, SIGKILL), then limits, then no way back to privileges (PR_SET_NO_NEW_PRIVS), then the program in our
# place.
_LAUNCH = """
import ctypes, os, resource, sys
os.closerange(3, 1 << 20)
libc, server, limits, argv = ctypes.CDLL(None), int(sys.argv[1]), sys.argv[2].split(","), sys.argv[3:]
libc.prctl(1, 9, 0, 0, 0)
if os.getppid() != server:
    sys.exit("the server has ended")
for limit in limits:
    name, value = limit.split("=")
    resource.setrlimit(getattr(resource, "RLIMIT_" + name), (int(value), int(value)))
libc.prctl(38, 1, 0, 0, 0)
os.execv(argv[0], argv)
"""
# In its namespaces: something empty over what it must not see (MS_BIND; tmpfs, MS_RDONLY and what else forbids), and
# over the folders of all programs with its own alone in it; then no capability any more, in no set (prctl
# PR_CAPBSET_DROP, capset): who has one there could look beneath.
_HIDE = """
import ctypes, os, sys
libc, own, count = ctypes.CDLL(None, use_errno=True), sys.argv[1], int(sys.argv[2])
hidden, argv = sys.argv[3 : 3 + count], sys.argv[3 + count :]
def mount(source, target, kind, flags, options):
    if libc.mount(source, os.fsencode(target), kind, flags, options):
        sys.exit("it is not hidden: " + os.strerror(ctypes.get_errno()))
for path in hidden:
    if os.path.isdir(path):
        mount(b"none", path, b"tmpfs", 15, b"size=4k,mode=000")
    else:
        mount(b"/dev/null", path, None, 4096, None)
inside = os.open(own, os.O_RDONLY)
mount(b"none", os.path.dirname(own), b"tmpfs", 14, b"size=4k,mode=700")
os.mkdir(own, 0o700)
mount(b"/proc/self/fd/%d" % inside, own, None, 4096, None)
os.close(inside)
os.chdir(own)
for capability in range(64):
    libc.prctl(24, capability, 0, 0, 0)
if libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()):
    sys.exit("capabilities are not given up")
os.execv(argv[0], argv)
"""
_PYTHON = (sys.executable, "-I", "-S", "-c")


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


class Isolation(StrEnum):
    """Whether a program is started where the system lets us make no namespaces."""

    REQUIRED = "required"
    BEST_EFFORT = "best_effort"


async def start(
    command: Sequence[str], hidden: Sequence[Path] = (), isolation: Isolation = Isolation.REQUIRED
) -> Program:
    """Start a program, which does not see `hidden` files and folders. Raises `UpstreamFailed`."""
    if isolation is Isolation.REQUIRED and not namespaces():
        raise UpstreamFailed("program_not_isolated")
    limits = ",".join(f"{name}={value}" for name, value in _LIMITS.items())
    try:
        folder = tempfile.mkdtemp(dir=_folders())
    except OSError:
        raise UpstreamFailed("program_has_no_folder") from None
    launch = (*_PYTHON, _LAUNCH, str(os.getpid()), limits, *_apart(folder, hidden), *command)
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
    if unshare is None:
        return ()
    begin = (unshare, *_NAMESPACES, "--")
    with tempfile.TemporaryDirectory() as above:
        (own := Path(above) / "own").mkdir()
        tried = (*begin, *_PYTHON, _HIDE, str(own), "0", "/bin/true")
        done = subprocess.run(tried, capture_output=True, check=False, env=_ENVIRONMENT, timeout=5)  # noqa: S603  ours
    return begin if done.returncode == 0 else ()


def _folders() -> Path:
    """Where the folders of programs are, of all servers that this user runs here: no program sees another's."""
    folders = Path(tempfile.gettempdir()).resolve() / f"leasehold-programs-{os.getuid()}"
    folders.mkdir(mode=0o700, exist_ok=True)
    found = folders.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError("the folder of programs is open to others")
    return folders


def _apart(folder: str, hidden: Sequence[Path]) -> tuple[str, ...]:
    """The same, with what it does not see: of what there is, the places that links lead to."""
    begin, found = namespaces(), {path.resolve() for path in hidden if path.exists()}
    places = sorted(str(path) for path in found if found.isdisjoint(path.parents))
    return (*begin, *_PYTHON, _HIDE, folder, str(len(places)), *places) if begin else ()
