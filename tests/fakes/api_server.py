"""An API server on loopback: the shapes of a real one (`tests/vectors/kubernetes.json`), over a cluster in memory.

Speaks HTTPS with a certificate of its own authority, takes one bearer token, and serves what Leasehold asks for: lists
and watches of metadata, and TokenReview. Tokens have the shape of Kubernetes 1.30. `replies` overrides the answer to a
path; `cut` ends every open watch.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from tests.fakes.certificates import Authority
from tests.fakes.cluster import Cluster, Event, Thing
from tests.fakes.simulated_issuer import SimulatedIssuer

from leasehold.model.workloads import WorkloadKind

CREDENTIAL = "registry-at-the-cluster"
NAMESPACE = "shop"
PATHS = {
    "/api/v1/pods": WorkloadKind.PODS,
    "/api/v1/serviceaccounts": WorkloadKind.SERVICE_ACCOUNTS,
    "/apis/apps/v1/deployments": WorkloadKind.DEPLOYMENTS,
}
_KINDS = {kind: path for path, kind in PATHS.items()}
_META = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
_CREATED = "2026-11-26T12:00:00Z"


class EmulatedApiServer:
    """One cluster behind one address."""

    def __init__(self, folder: Path) -> None:
        self.cluster = Cluster()
        self.tokens = SimulatedIssuer.kubernetes()
        self.credentials = {CREDENTIAL}
        self.authority = Authority()
        self.replies: dict[str, tuple[int, bytes]] = {}
        self.requests: list[str] = []
        self.page = 500
        self._tls = self.authority.server(folder)
        self._generation = 0
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    # What a test does to it.

    def create(self, kind: WorkloadKind, name: str) -> str:
        return self.cluster.create(kind, name)

    def touch(self, kind: WorkloadKind, name: str) -> None:
        self.cluster.touch(kind, name)

    def begin_deletion(self, kind: WorkloadKind, name: str) -> None:
        self.cluster.begin_deletion(kind, name)

    def delete(self, kind: WorkloadKind, name: str) -> None:
        self.cluster.delete(kind, name)

    def forget(self) -> None:
        self.cluster.forget()

    def pod_token(self, pod: str, account: str, audience: str) -> str:
        """A projected token of a pod, as TokenRequest gives it."""
        uids = {what: self.cluster.things[kind, name].uid for what, kind, name in self._bound(pod, account)}
        private = {
            "namespace": NAMESPACE,
            "node": {"name": "node-a", "uid": "5b1f0ad0-0000-4000-8000-000000000001"},
            "pod": {"name": pod, "uid": uids["pod"]},
            "serviceaccount": {"name": account, "uid": uids["serviceaccount"]},
        }
        subject = f"system:serviceaccount:{NAMESPACE}:{account}"
        return self.tokens.token(aud=[audience], sub=subject, **{"kubernetes.io": private})

    def cut(self) -> None:
        """End every open watch without a word."""
        with self.cluster.news:
            self._generation += 1
            self.cluster.news.notify_all()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve, on the same port as before."""
        responder = type("Responder", (_Responder,), {"served": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), responder)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._server.socket = self._tls.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Serve nobody."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        self.cut()

    # What it answers.

    def list(self, kind: WorkloadKind, after: int) -> dict[str, Any]:
        """One page of a list, whole on one page where it fits."""
        with self.cluster.news:
            things, version = self.cluster.of(kind), self.cluster.version
        page, rest = things[after : after + self.page], things[after + self.page :]
        metadata = {"resourceVersion": str(version)} | ({"continue": str(after + self.page)} if rest else {})
        items = [{**_META, "metadata": _metadata(thing)} for thing in page]
        return {**_META, "kind": "PartialObjectMetadataList", "metadata": metadata, "items": items or None}

    def watch(self, kind: WorkloadKind, version: int, seconds: float) -> Iterator[dict[str, Any]]:
        """Events behind a version until the time is over; a bookmark shortly before."""
        generation, ends_at = self._generation, time.monotonic() + seconds
        while True:
            with self.cluster.news:
                events = self.cluster.since(kind, version)
                if events is not None and not events:
                    left = ends_at - time.monotonic()
                    if left <= 0 or generation != self._generation:
                        break
                    self.cluster.news.wait(left)
                    continue
            if events is None:
                yield _expired(version)
                return
            for event in events:
                version = event.thing.version
                yield _event(event)
        if generation == self._generation:
            yield {"type": "BOOKMARK", "object": {**_META, "metadata": _bookmark(version)}}

    def review(self, question: dict[str, Any]) -> dict[str, Any]:
        """A TokenReview: of the pod and the account as they are now, without the real one's ten seconds."""
        spec = question["spec"]
        status: dict[str, Any] = {"user": {}, "error": "[invalid bearer token, Token has been invalidated]"}
        with suppress(jwt.InvalidTokenError, KeyError):
            claims = jwt.decode(
                spec["token"], self.tokens.keys[0].private.public_key(), ["RS256"], audience=spec["audiences"]
            )
            private = claims["kubernetes.io"]
            bound = self._bound(private["pod"]["name"], private["serviceaccount"]["name"])
            if all(self.cluster.things[kind, name].uid == private[what]["uid"] for what, kind, name in bound):
                status = _authenticated(claims, spec["audiences"])
        return {**question, "metadata": {"creationTimestamp": None}, "status": status}

    @staticmethod
    def _bound(pod: str, account: str) -> list[tuple[str, WorkloadKind, str]]:
        return [("pod", WorkloadKind.PODS, pod), ("serviceaccount", WorkloadKind.SERVICE_ACCOUNTS, account)]


class _Responder(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: EmulatedApiServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if self._refused() or self._overridden(parts.path):
            return
        kind = PATHS.get(parts.path)
        if kind is None:
            self._answer(404, _status("Failure", 404, "NotFound", "the server could not find the requested resource"))
        elif "watch" in query:
            self._stream(kind, query)
        else:
            self._answer(200, self.served.list(kind, int(query.get("continue") or 0)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if not self._refused() and not self._overridden(self.path):
            self._answer(201, self.served.review(json.loads(body)))

    def _refused(self) -> bool:
        self.served.requests.append(f"{self.command} {self.path}")
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        if scheme == "Bearer" and token in self.served.credentials:
            return False
        self._answer(401, _status("Failure", 401, "Unauthorized", "Unauthorized"))
        return True

    def _overridden(self, path: str) -> bool:
        if path not in self.served.replies:
            return False
        status, body = self.served.replies[path]
        self._send(status, body)
        return True

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        self._send(status, json.dumps(document).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, kind: WorkloadKind, query: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        with suppress(OSError):
            for event in self.served.watch(kind, int(query["resourceVersion"]), float(query["timeoutSeconds"])):
                line = json.dumps(event, separators=(",", ":")).encode() + b"\n"
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """A test's output is its own."""

    def handle(self) -> None:
        with suppress(OSError, ssl.SSLError):  # a client that went, or that trusts another authority
            super().handle()


def _metadata(thing: Thing) -> dict[str, Any]:
    ending = {"deletionTimestamp": _CREATED, "deletionGracePeriodSeconds": 30} if thing.ending else {}
    return {
        "name": thing.name,
        "namespace": NAMESPACE,
        "uid": thing.uid,
        "resourceVersion": str(thing.version),
        "creationTimestamp": _CREATED,
        **ending,
    }


def _event(event: Event) -> dict[str, Any]:
    return {"type": event.type, "object": {**_META, "metadata": _metadata(event.thing)}}


def _bookmark(version: int) -> dict[str, Any]:
    return {"resourceVersion": str(version), "creationTimestamp": None}


def _status(status: str, code: int, reason: str, message: str) -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": status,
        "message": message,
        "reason": reason,
        "code": code,
    }


def _expired(version: int) -> dict[str, Any]:
    message = f"too old resource version: {version} (265)"
    return {"type": "ERROR", "object": _status("Failure", 410, "Expired", message)}


def _authenticated(claims: dict[str, Any], audiences: list[str]) -> dict[str, Any]:
    private = claims["kubernetes.io"]
    user = {
        "username": claims["sub"],
        "uid": private["serviceaccount"]["uid"],
        "groups": ["system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:authenticated"],
        "extra": {
            "authentication.kubernetes.io/pod-name": [private["pod"]["name"]],
            "authentication.kubernetes.io/pod-uid": [private["pod"]["uid"]],
        },
    }
    return {"authenticated": True, "user": user, "audiences": audiences}


@contextmanager
def emulated_api_server(folder: Path) -> Iterator[EmulatedApiServer]:
    """A served emulator while the context lasts."""
    server = EmulatedApiServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
