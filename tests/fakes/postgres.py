"""A private PostgreSQL cluster for a test run: real server, own folder, unix socket only, gone with its owner."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

START_SECONDS = 30
_SUPERUSER = "leasehold"
# fsync stays on: what a test calls durable was on the disk. The rest keeps a small machine quick.
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "max_wal_size": "256MB",
    "autovacuum": "off",
    "timezone": "UTC",
}
# PostgreSQL must not outlive a test run that was killed: the shell waits for its standard input to end, which the
# kernel sees to, and only then asks the server to stop (SIGINT: at once, without losing a commit).
_LEASH = '"$@" & server=$!; cat >/dev/null; kill -INT $server 2>/dev/null; wait $server'


@dataclass(frozen=True, slots=True)
class PostgresCluster:
    """A running server; every test may have a database of its own."""

    socket_folder: Path
    version: str

    def url(self, database: str = "postgres") -> str:
        """Return the SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://{_SUPERUSER}@/{database}?host={quote(str(self.socket_folder))}"

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """Create a copy of a database, give its SQLAlchemy URL, and drop it with whatever is still connected."""
        name = f"test_{uuid.uuid4().hex}"
        names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
        self._administer(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**names))
        try:
            yield self.url(name)
        finally:
            self._administer(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _administer(self, statement: sql.Composed) -> None:
        with self.connect() as connection:
            connection.execute(statement)

    def connect(self) -> psycopg.Connection:
        """Open an administrator's connection with autocommit."""
        return psycopg.connect(host=str(self.socket_folder), user=_SUPERUSER, dbname="postgres", autocommit=True)


@contextmanager
def running_cluster(binaries: Path) -> Iterator[PostgresCluster]:
    """Start a cluster from the server binaries in `binaries`, and remove it afterwards."""
    owner = _unprivileged_user()
    with tempfile.TemporaryDirectory(prefix="leasehold-pg-", dir=_short_open_folder()) as scratch:
        home = Path(scratch)
        if owner:
            home.chmod(0o711)
        usable = _readable(binaries, home / "server", owner)
        cluster = home / "cluster"
        cluster.mkdir(mode=0o700)
        if owner:
            shutil.chown(cluster, owner)
        _initialise(usable, cluster / "data", owner)
        with _server(usable, cluster, owner):
            yield _wait_until_ready(cluster)


def _unprivileged_user() -> str | None:
    """Return who PostgreSQL runs as when we are root, which initdb refuses; None: as ourselves."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _short_open_folder() -> str:
    """Return a folder that every user may enter, with a path short enough for a socket's 107 bytes."""
    return next((path for path in ("/tmp", "/var/tmp") if os.access(path, os.W_OK)), tempfile.gettempdir())  # noqa: S108  TemporaryDirectory makes an unguessable folder inside


def _readable(binaries: Path, copy: Path, owner: str | None) -> Path:
    """Return the binaries, copied when a virtual environment in root's home hides them from the server's user."""
    try:
        subprocess.run([binaries / "postgres", "--version"], check=True, capture_output=True, **_as_user(owner))
    except (PermissionError, subprocess.CalledProcessError):
        return _copied(binaries, copy)
    return binaries


def _copied(binaries: Path, copy: Path) -> Path:
    prefix = binaries.parent
    shutil.copytree(prefix, copy / prefix.parent.name / prefix.name, symlinks=True)
    # A wheel keeps the shared libraries of its programs in a folder beside the package.
    bundled = prefix.parent.with_name(f"{prefix.parent.name}.libs")
    if bundled.is_dir():
        shutil.copytree(bundled, copy / bundled.name, symlinks=True)
    subprocess.run(["chmod", "-R", "a+rX", copy], check=True)
    return copy / prefix.parent.name / prefix.name / binaries.name


def _as_user(owner: str | None) -> dict[str, Any]:
    """Return the arguments of a subprocess that runs as the server's user, anywhere but in our own folder."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    identity = {"user": owner, "group": pwd.getpwnam(owner).pw_gid, "extra_groups": []} if owner else {}
    return {"cwd": "/", "env": environment, **identity}


def _initialise(binaries: Path, data: Path, owner: str | None) -> None:
    options = ["--username", _SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    done = subprocess.run(
        [binaries / "initdb", "--pgdata", data, *options],
        **_as_user(owner),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"initdb failed:\n{done.stdout}{done.stderr}"


@contextmanager
def _server(binaries: Path, cluster: Path, owner: str | None) -> Iterator[None]:
    settings = {**_SETTINGS, "unix_socket_directories": str(cluster)}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (cluster / "log").open("wb") as log:
        leashed = subprocess.Popen(
            ["/bin/sh", "-c", _LEASH, "leash", str(binaries / "postgres"), "-D", str(cluster / "data"), *options],
            **_as_user(owner),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C at the terminal is for pytest, which then lets go of the leash
        )
    try:
        yield
    finally:
        assert leashed.stdin
        leashed.stdin.close()
        leashed.wait(START_SECONDS)


def _wait_until_ready(socket_folder: Path) -> PostgresCluster:
    """Return the cluster as soon as it answers; what it logged is the failure's message when it never does."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        cluster = PostgresCluster(socket_folder, "")
        try:
            with cluster.connect() as connection:
                return PostgresCluster(socket_folder, connection.info.parameter_status("server_version") or "")
        except psycopg.OperationalError as refused:
            if time.monotonic() > deadline:
                log = (socket_folder / "log").read_text(errors="replace")
                raise AssertionError(f"PostgreSQL did not start:\n{log}") from refused
            time.sleep(0.05)
