"""The socket Terraform connects to: a Unix socket in a directory of our own, or a TCP port on the loopback."""

# ruff: noqa: PTH102, PTH106, PTH108, PTH118 -- pathlib costs the handshake 4 ms

from __future__ import annotations

import os
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .environment import PluginEnvironment

_BACKLOG = 8
_MAX_ADDRESS = 103  # bytes of a Unix socket's path that every system takes (macOS is the narrowest)
_SHORT = "/tmp"  # noqa: S108 -- only the parent of our private directory


class Listener:
    """A listening socket, how to name it in the handshake, and how to leave nothing behind."""

    __slots__ = ("_directory", "address", "network", "socket")

    def __init__(self, listening: socket.socket, network: str, address: str, directory: str = "") -> None:
        self.socket = listening
        self.network = network
        self.address = address
        self._directory = directory

    def remove(self) -> None:
        """Close the socket and delete its directory."""
        self.socket.close()
        if self._directory:
            try:
                os.unlink(self.address)
                os.rmdir(self._directory)
            except OSError:
                pass  # somebody tidied up before us


def listen(environment: PluginEnvironment) -> Listener:
    """Start listening. Raises OSError if nowhere is possible."""
    return _listen_tcp(environment) if environment.use_tcp else _listen_unix(environment.socket_dir)


def _listen_unix(parent: str) -> Listener:
    name = "plugin" + os.urandom(8).hex()
    if len(os.fsencode(os.path.join(parent, name, "s"))) > _MAX_ADDRESS:
        parent = _SHORT
    directory = os.path.join(parent, name)
    os.mkdir(directory, 0o700)  # the mode is what keeps other users of the machine out
    address = os.path.join(directory, "s")
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind(address)
    except OSError:
        listening.close()
        os.rmdir(directory)
        raise
    listening.listen(_BACKLOG)
    return Listener(listening, "unix", address, directory)


def _listen_tcp(environment: PluginEnvironment) -> Listener:
    for port in range(environment.min_port, environment.max_port + 1):
        listening = socket.socket()
        try:
            listening.bind(("127.0.0.1", port))
        except OSError:
            listening.close()
            continue
        listening.listen(_BACKLOG)
        return Listener(listening, "tcp", f"127.0.0.1:{port}")
    raise OSError(f"no free port from {environment.min_port} to {environment.max_port}")
