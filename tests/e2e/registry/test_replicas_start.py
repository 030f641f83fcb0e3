"""Several `leasehold serve` on one empty PostgreSQL: one tells a token, which works on all, and the others say so."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager

import pytest
from tests.fakes.serving import PATIENCE
from tests.fakes.simulated_issuer import SimulatedIssuer

pytestmark = pytest.mark.postgres


class Replica:
    """One server process."""

    def __init__(self, folder, number, database_url, *options):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.out, self.err = folder / f"{number}.out", folder / f"{number}.err"
        environment = {
            **os.environ,
            "LEASEHOLD_DATA_DIR": str(folder / "registry"),
            "LEASEHOLD_DATABASE_URL": database_url,
            "LEASEHOLD_ISSUER": "http://127.0.0.1:8420",
            "LEASEHOLD_PORT": str(self.port),
        }
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "leasehold.cli.main", "serve", *options], env=environment, stdout=out, stderr=err
            )

    @property
    def token(self):
        return self.out.read_text().strip()

    @property
    def said(self):
        return self.err.read_text()

    def wait(self):
        deadline = time.monotonic() + PATIENCE
        while "Uvicorn running" not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)

    def bootstrap(self, token):
        issuer = SimulatedIssuer.oidc()
        body = {
            "trust_issuer": {"name": "idp", "type": "oidc", "issuer": issuer.url, "audiences": [issuer.audience]},
            "workload_bindings": [
                {"name": "alice", "trust_issuer": "idp", "role": "security-admin", "oidc": {"subject": "alice"}}
            ],
        }
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/bootstrap",
            json.dumps(body).encode(),
            {"authorization": f"Bearer {token}", "content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310  loopback
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)


@contextmanager
def running(folder, database_url, *starts):
    """Replicas started at once; each of `starts` is the options of one."""
    with ExitStack() as stack:
        replicas = []
        for options in starts:
            replicas.append(Replica(folder, len(list(folder.glob("*.out"))), database_url, *options))
            stack.callback(replicas[-1].stop)
        for replica in replicas:
            replica.wait()
        yield replicas


def test_replicas_agree_on_one_token_and_the_others_say_how_to_get_it(tmp_path, postgres_database_url):
    with running(tmp_path, postgres_database_url, (), (), ()) as replicas:
        [teller] = [one for one in replicas if one.token]
        others = [one for one in replicas if one is not teller]
        for other in others:
            assert "another replica has told the bootstrap token" in other.said
            assert "--new-bootstrap-token" in other.said
            assert "lhb_" not in other.said
        assert [other.bootstrap("lhb_other") for other in others] == [401, 401]
        assert others[0].bootstrap(teller.token) == 201
        assert teller.bootstrap(teller.token) == 401


def test_a_lost_token_is_replaced_by_who_asks_for_a_new_one(tmp_path, postgres_database_url):
    with running(tmp_path, postgres_database_url, ()) as [first]:
        lost = first.token
        with running(tmp_path, postgres_database_url, ("--new-bootstrap-token",)) as [second]:
            assert second.token.startswith("lhb_")
            assert first.bootstrap(lost) == 401
            assert first.bootstrap(second.token) == 201
