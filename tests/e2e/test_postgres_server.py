"""The fixture that other rooms' contract suites stand on: a real server, private, with durable commits."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
from tests.fakes.postgres import _as_user, _readable, _unprivileged_user

pytestmark = pytest.mark.postgres


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg:", "postgresql:")


def test_the_url_reaches_an_empty_database(postgres_database_url):
    with psycopg.connect(_plain(postgres_database_url)) as connection:
        assert connection.execute("SELECT count(*) FROM pg_stat_user_tables").fetchone() == (0,)


def test_two_tests_share_no_database(postgres_cluster):
    with postgres_cluster.database() as one, postgres_cluster.database() as other:
        with psycopg.connect(_plain(one), autocommit=True) as connection:
            connection.execute("CREATE TABLE mine ()")
        with psycopg.connect(_plain(other)) as connection:
            assert connection.execute("SELECT to_regclass('mine')").fetchone() == (None,)


def test_a_database_is_dropped_under_an_open_connection(postgres_cluster):
    with postgres_cluster.database() as url:
        forgotten = psycopg.connect(_plain(url))
    with pytest.raises(psycopg.OperationalError):
        forgotten.execute("SELECT 1")
    forgotten.close()


def test_the_server_listens_on_no_network_address_and_syncs_its_commits(postgres_cluster):
    with postgres_cluster.connect() as connection:
        settings = {name: connection.execute(f"SHOW {name}").fetchone() for name in ("listen_addresses", "fsync")}
    assert settings == {"listen_addresses": ("",), "fsync": ("on",)}


def test_the_server_stops_when_its_owner_is_killed(tmp_path, postgres_cluster):
    script = tmp_path / "owner.py"
    script.write_text(
        "import os, sys, signal\n"
        "from pathlib import Path\n"
        "from toolchain import postgres, repository\n"
        "from tests.fakes.postgres import running_cluster\n"
        "with running_cluster(postgres.available(repository()).path) as cluster:\n"
        "    print((cluster.socket_folder / 'data' / 'postmaster.pid').read_text().split()[0], end=' ')\n"
        "    print(cluster.socket_folder.parent, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).resolve().parents[2]
    owner = subprocess.run(
        [sys.executable, script],
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    server, scratch = (owner.stdout or pytest.fail(owner.stderr)).split()
    deadline = time.monotonic() + 20
    while _alive(int(server)):
        assert time.monotonic() < deadline, "the server outlived its owner"
        time.sleep(0.05)
    shutil.rmtree(scratch)  # which a killed owner could not do


def _alive(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_binaries_hidden_in_roots_folder_are_copied_to_where_the_server_may_read_them(tmp_path):
    site = tmp_path / "private"
    (site / "wheel" / "pg" / "bin").mkdir(parents=True)
    (site / "wheel.libs").mkdir()
    (site / "wheel.libs" / "answer").write_text("found")
    program = site / "wheel" / "pg" / "bin" / "postgres"
    program.write_text('#!/bin/sh\nexec cat "${0%/*}/../../../wheel.libs/answer"\n')
    program.chmod(0o700)
    site.chmod(0o700)
    user = _unprivileged_user()
    with tempfile.TemporaryDirectory(dir="/tmp") as scratch:
        Path(scratch).chmod(0o711)
        usable = _readable(program.parent, Path(scratch) / "copy", user)
        assert (usable != program.parent) is (os.geteuid() == 0)
        assert subprocess.check_output([usable / "postgres"], text=True, **_as_user(user)) == "found"
