"""A real kube-apiserver on a real etcd, for `make test-kubernetes`; the same tests drive it and its emulator.

Nothing else of a cluster runs: objects are made by POST, and no controller does anything with them. The registry's own
account is an account of that cluster, with no more rights than the documentation asks for.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from leasehold.model.workloads import WorkloadKind

VARIABLE = "LEASEHOLD_TEST_KUBERNETES"
ISSUER = "https://kubernetes.default.svc"
NAMESPACE = "shop"
_ADMIN = "admintoken"
_READY_SECONDS = 90
_PLACES = {
    WorkloadKind.PODS: "/api/v1/namespaces/shop/pods",
    WorkloadKind.SERVICE_ACCOUNTS: "/api/v1/namespaces/shop/serviceaccounts",
    WorkloadKind.DEPLOYMENTS: "/apis/apps/v1/namespaces/shop/deployments",
}
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_MAY_WATCH = [
    {"apiGroups": [""], "resources": ["pods", "serviceaccounts"], "verbs": ["list", "watch"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list", "watch"]},
]


def binaries() -> Path | None:
    """Where the built server is, if the tests of it are wanted."""
    found = os.environ.get(VARIABLE)
    return Path(found) if found else None


class KubeApiServer:
    """The server, and an administrator who drives it."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self.port, self._etcd_port, self._peer_port = _free_port(), _free_port(), _free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self._etcd = f"http://127.0.0.1:{self._etcd_port}"
        self._running: list[subprocess.Popen[bytes]] = []
        self._trust: ssl.SSLContext | None = None

    # What a test does to it.

    def create(self, kind: WorkloadKind, name: str, account: str = "triage") -> str:
        labels = {"app": name}
        containers = [{"name": "main", "image": "example.com/none"}]
        pod = {"serviceAccountName": account, "nodeName": "node-a", "containers": containers}
        specs: dict[WorkloadKind, dict[str, Any]] = {
            WorkloadKind.PODS: {"spec": pod},
            WorkloadKind.SERVICE_ACCOUNTS: {},
            WorkloadKind.DEPLOYMENTS: {
                "spec": {
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
                }
            },
        }
        made = self.admin("POST", _PLACES[kind], {"metadata": {"name": name}, **specs[kind]})
        return str(made["metadata"]["uid"])

    def touch(self, kind: WorkloadKind, name: str, value: str = "x") -> None:
        self.admin("PATCH", f"{_PLACES[kind]}/{name}", {"metadata": {"annotations": {"touched": value}}})

    def begin_deletion(self, kind: WorkloadKind, name: str) -> None:
        self.admin("DELETE", f"{_PLACES[kind]}/{name}", {"gracePeriodSeconds": 30})

    def delete(self, kind: WorkloadKind, name: str) -> None:
        self.admin("DELETE", f"{_PLACES[kind]}/{name}", {"gracePeriodSeconds": 0, "propagationPolicy": "Background"})

    def forget(self) -> None:
        """Start anew: what happened before is not in the watch cache of the new process."""
        self.stop_api()
        self.start_api()

    def token_request(self, pod: str, account: str, audience: str) -> dict[str, Any]:
        """The answer to a TokenRequest for a pod, as the kubelet makes it."""
        uid = self.admin("GET", f"{_PLACES[WorkloadKind.PODS]}/{pod}")["metadata"]["uid"]
        bound = {"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": uid}
        spec = {"audiences": [audience], "expirationSeconds": 600, "boundObjectRef": bound}
        return self.admin("POST", f"{_PLACES[WorkloadKind.SERVICE_ACCOUNTS]}/{account}/token", {"spec": spec})

    def pod_token(self, pod: str, account: str, audience: str) -> str:
        return str(self.token_request(pod, account, audience)["status"]["token"])

    def review(self, token: str, audience: str) -> dict[str, Any]:
        spec = {"token": token, "audiences": [audience]}
        return self.admin("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": spec})

    @property
    def certificate_authority(self) -> str:
        pem = (self._folder / "certs" / "apiserver.crt").read_text()
        return "-----BEGIN" + pem.split("-----BEGIN")[-1]  # its own certificate first, then its authority's

    def credential(self) -> str:
        """A token of the registry's account, which may ask, list and watch, and nothing else."""
        self.create(WorkloadKind.SERVICE_ACCOUNTS, "leasehold")
        role = {"metadata": {"name": "leasehold-watch"}, "rules": _MAY_WATCH}
        self.admin("POST", f"{_RBAC}/clusterroles", role)
        for name in ("leasehold-watch", "system:auth-delegator"):
            subject = {"kind": "ServiceAccount", "name": "leasehold", "namespace": NAMESPACE}
            reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
            binding = {"metadata": {"name": f"leasehold-{name}"}, "roleRef": reference, "subjects": [subject]}
            self.admin("POST", f"{_RBAC}/clusterrolebindings", binding)
        spec = {"audiences": [ISSUER], "expirationSeconds": 3600}
        place = f"{_PLACES[WorkloadKind.SERVICE_ACCOUNTS]}/leasehold/token"
        return str(self.admin("POST", place, {"spec": spec})["status"]["token"])

    def admin(self, method: str, path: str, body: object = None, **headers: str) -> dict[str, Any]:
        """Ask as an administrator; anything but success fails."""
        status, answer = self.ask(method, path, body, authorization=f"Bearer {_ADMIN}", **headers)
        assert status < 300, (method, path, status, answer)
        return dict(json.loads(answer))

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, bytes]:
        """Ask as whoever the headers say."""
        raw = None if body is None else json.dumps(body).encode()
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self._tls())
        try:
            connection.request(method, path, raw, {"content-type": kind, **headers})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _tls(self) -> ssl.SSLContext:
        if self._trust is None:
            self._trust = ssl.create_default_context(cadata=self.certificate_authority)
        return self._trust

    # Its life.

    def start(self) -> None:
        key = ["genrsa", "-out", "sa.key", "2048"], ["rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub"]
        for words in key:
            subprocess.run(["openssl", *words], cwd=self._folder, check=True, capture_output=True)
        (self._folder / "tokens.csv").write_text(f'{_ADMIN},admin,1,"system:masters"\n')
        etcd, peers = self._etcd, f"http://127.0.0.1:{self._peer_port}"
        self._run("etcd", "--data-dir=etcd", f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}",
                  f"--listen-peer-urls={peers}", "--unsafe-no-fsync")  # fmt: skip
        self.start_api()
        self.admin("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})

    def start_api(self) -> None:
        """Start the API server; its etcd runs."""
        etcd = self._etcd
        self._run("kube-apiserver", f"--etcd-servers={etcd}", "--bind-address=127.0.0.1", f"--secure-port={self.port}",
                  "--cert-dir=certs", f"--service-account-issuer={ISSUER}", f"--api-audiences={ISSUER}",
                  "--service-account-signing-key-file=sa.key", "--service-account-key-file=sa.pub",
                  "--service-cluster-ip-range=10.96.0.0/24", "--authorization-mode=RBAC",
                  "--token-auth-file=tokens.csv", "--disable-admission-plugins=ServiceAccount")  # fmt: skip
        self._await_ready()

    def stop_api(self) -> None:
        """Stop the API server alone."""
        process = self._running.pop()
        process.kill()
        process.wait(timeout=30)

    def stop(self) -> None:
        for process in reversed(self._running):
            process.kill()
            process.wait(timeout=30)

    def _run(self, program: str, *options: str) -> None:
        with (self._folder / f"{program}.log").open("wb") as log:
            words = [str(self._programs / program), *options]
            process = subprocess.Popen(words, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._running.append(process)

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            with suppress(OSError):
                if self.ask("GET", "/readyz", authorization=f"Bearer {_ADMIN}")[0] == 200:
                    return
            time.sleep(0.2)
        raise AssertionError((self._folder / "kube-apiserver.log").read_text()[-4000:])


@contextmanager
def kube_apiserver(folder: Path) -> Iterator[KubeApiServer]:
    """A real server while the context lasts."""
    programs = binaries()
    assert programs, f"{VARIABLE} names the folder of a built kube-apiserver: run `make test-kubernetes`"
    server = KubeApiServer(programs, folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
