"""An OpenID Connect issuer that signs real JWTs of exactly the shape that each kind of issuer gives out.

No test patches our verification: it gets a token that is genuine, or wrong in exactly one way. `serve` answers
discovery and JWKS on loopback for what runs end to end; unit tests take `jwks()` inline and open no socket.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

Claims = dict[str, Any]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
AUDIENCE = "https://leasehold.example"
VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "issuers.json").read_text())["kinds"]
GITHUB = "https://token.actions.githubusercontent.com"


@dataclass
class SigningKey:
    """One key of an issuer. `kid` is chosen by the issuer and means nothing to us."""

    algorithm: str
    private: PrivateKey
    kid: str

    @classmethod
    def new(cls, algorithm: str = "RS256", *, bits: int = 2048) -> SigningKey:
        private: PrivateKey
        if algorithm.startswith(("RS", "PS")):
            private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        else:
            curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
            private = ec.generate_private_key(curves[algorithm])
        return cls(algorithm, private, base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode())

    def jwk(self) -> Claims:
        """The public half, as issuers publish it."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            public = jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        else:
            public = jwt.algorithms.ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        public.pop("key_ops", None)
        return {**public, "use": "sig", "alg": self.algorithm, "kid": self.kid}


@dataclass
class SimulatedIssuer:
    """Signs tokens as one issuer. `token(**claims)` overrides a claim, or drops it if the value is None."""

    url: str
    shape: Callable[[SimulatedIssuer], Claims]
    audience: str = AUDIENCE
    ttl: int = 600
    header: Claims = field(default_factory=dict)
    keys: list[SigningKey] = field(default_factory=lambda: [SigningKey.new()])
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    replies: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    @classmethod
    def kubernetes(cls, url: str = "https://kubernetes.default.svc", **options: Any) -> SimulatedIssuer:
        """A cluster: projected service-account tokens, 1.30 shape (array audience, `jti`, node, no `typ`)."""
        return cls(url, _kubernetes, ttl=3600, **options)

    @classmethod
    def github(cls, url: str = GITHUB, **options: Any) -> SimulatedIssuer:
        """GitHub Actions: a push to `main` of acme/web, immutable `sub` of 2026."""
        return cls(url, _github, header={"typ": "JWT"}, ttl=300, **options)

    @classmethod
    def oidc(cls, url: str = "https://login.example", **options: Any) -> SimulatedIssuer:
        """Any other OpenID Connect issuer, with ES256 id tokens."""
        options.setdefault("keys", [SigningKey.new("ES256")])
        return cls(url, _oidc, header={"typ": "JWT"}, **options)

    @classmethod
    def of(cls, kind: str, **options: Any) -> SimulatedIssuer:
        """Any kind of issuer that `tests/vectors/issuers.json` describes, with the right kind of key."""
        vector = VECTORS[kind]
        options.setdefault("keys", [SigningKey.new(vector["algorithm"])])
        return cls(vector["issuer"], lambda _: vector["claims"], header=vector["header"], **options)

    def altered(self, changes: Mapping[str, object]) -> str:
        """A token with these claims changed: None drops one, a path that starts with `/` goes inside (RFC 6901)."""
        claims = json.loads(json.dumps(self.claims()))
        for path, value in changes.items():
            steps = path[1:].split("/") if path.startswith("/") else [path.replace("/", "~1")]
            *way, last = (step.replace("~1", "/").replace("~0", "~") for step in steps)
            inside = claims
            for step in way:
                inside = inside[step]
            inside[last] = value
            if value is None:
                del inside[last]
        return self.sign(claims)

    def claims(self, **changes: object) -> Claims:
        """What `token(**changes)` signs."""
        issued_at = int(self.clock().timestamp())
        base = {"iss": self.url, "iat": issued_at, "nbf": issued_at, "exp": issued_at + self.ttl}
        merged = {**base, **self.shape(self), **changes}
        return {name: value for name, value in merged.items() if value is not None}

    def token(self, *, header: Mapping[str, object] | None = None, **changes: object) -> str:
        """A signed token. `header` overrides header members (None drops one)."""
        return self.sign(self.claims(**changes), header)

    def service_account_token(self, namespace: str, service_account: str, uid: str = "", **changes: object) -> str:
        """A Kubernetes token of another pod: subject and the `kubernetes.io` claim agree."""
        private = {
            "namespace": namespace,
            "node": {"name": "node-a", "uid": _uid("node-a")},
            "pod": {"name": f"{service_account}-7d9c", "uid": _uid(f"{namespace}/{service_account}/pod")},
            "serviceaccount": {"name": service_account, "uid": uid or _uid(f"{namespace}/{service_account}")},
        }
        return self.token(
            **{"sub": f"system:serviceaccount:{namespace}:{service_account}", "kubernetes.io": private, **changes}
        )

    def sign(self, claims: Mapping[str, object], header: Mapping[str, object] | None = None) -> str:
        """Exactly these claims, signed with the current key."""
        key = self.keys[0]
        members = {"alg": key.algorithm, "kid": key.kid, **self.header, **(header or {})}
        members = {name: value for name, value in members.items() if value is not None}
        return sign_raw(_compact(members), _compact(claims), key)

    def rotate(self) -> None:
        """Sign with a new key from now on; the old one stays published."""
        self.keys.insert(0, SigningKey.new(self.keys[0].algorithm))

    def jwks(self) -> str:
        """The published keys, as JSON."""
        return json.dumps({"keys": [key.jwk() for key in self.keys]})

    def discovery(self) -> Claims:
        """The discovery document."""
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url.rstrip('/')}/openid/v1/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.keys[0].algorithm],
        }

    @contextmanager
    def serve(self, port: int = 0) -> Iterator[str]:
        """Answer discovery and JWKS on loopback while the context lasts; `url` becomes the address served."""
        server = ThreadingHTTPServer(("127.0.0.1", port), _responder(self))
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self.url
        finally:
            server.shutdown()
            server.server_close()
            thread.join(timeout=5)

    def answer(self, path: str) -> tuple[int, bytes]:
        """Status and body for a path; `replies` overrides one."""
        self.requests.append(path)
        if path in self.replies:
            return self.replies[path]
        if path == "/.well-known/openid-configuration":
            return 200, json.dumps(self.discovery()).encode()
        return (200, self.jwks().encode()) if path == "/openid/v1/jwks" else (404, b"")


def sign_raw(header: bytes, payload: bytes, key: SigningKey) -> str:
    """A compact JWS over any bytes at all: for tokens that no honest library would sign."""
    signing_input = b".".join(_b64(part) for part in (header, payload))
    algorithm = jwt.get_algorithm_by_name(key.algorithm)
    return b".".join((signing_input, _b64(algorithm.sign(signing_input, key.private)))).decode()


def _compact(members: Mapping[str, object]) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode()


def _b64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _uid(of: str) -> str:
    return str(uuid.UUID(bytes=hashlib.sha256(of.encode()).digest()[:16], version=4))


def _kubernetes(issuer: SimulatedIssuer) -> Claims:
    return {
        "aud": [issuer.audience],
        "jti": str(uuid.uuid4()),
        "sub": "system:serviceaccount:shop:triage",
        "kubernetes.io": {
            "namespace": "shop",
            "node": {"name": "node-a", "uid": _uid("node-a")},
            "pod": {"name": "triage-7d9c", "uid": _uid("shop/triage/pod")},
            "serviceaccount": {"name": "triage", "uid": _uid("shop/triage")},
        },
    }


def _github(issuer: SimulatedIssuer) -> Claims:
    return {
        "aud": issuer.audience,
        "jti": str(uuid.uuid4()),
        "sub": "repo:acme@4211/web@99017:ref:refs/heads/main",
        "ref": "refs/heads/main",
        "ref_type": "branch",
        "ref_protected": "true",
        "sha": "9f2c1b6a7e5d4c3b2a190817263544536271809f",
        "repository": "acme/web",
        "repository_id": "99017",
        "repository_owner": "acme",
        "repository_owner_id": "4211",
        "repository_visibility": "private",
        "actor": "alice",
        "actor_id": "7001",
        "workflow": "deploy",
        "workflow_ref": "acme/web/.github/workflows/deploy.yml@refs/heads/main",
        "job_workflow_ref": "acme/web/.github/workflows/deploy.yml@refs/heads/main",
        "event_name": "push",
        "head_ref": "",
        "base_ref": "",
        "run_id": "1234",
        "run_number": "12",
        "run_attempt": "1",
        "runner_environment": "github-hosted",
    }


def _oidc(issuer: SimulatedIssuer) -> Claims:
    return {
        "aud": issuer.audience,
        "jti": str(uuid.uuid4()),
        "sub": "00u1alice",
        "email": "alice@example.com",
        "email_verified": True,
    }


def pull_request() -> Claims:
    """The claims by which a `pull_request` run of GitHub Actions differs from a push."""
    return {
        "sub": "repo:acme@4211/web@99017:pull_request",
        "ref": "refs/pull/12/merge",
        "event_name": "pull_request",
        "head_ref": "feature",
        "base_ref": "main",
        "job_workflow_ref": "acme/web/.github/workflows/deploy.yml@refs/pull/12/merge",
        "workflow_ref": "acme/web/.github/workflows/deploy.yml@refs/pull/12/merge",
    }


def _responder(issuer: SimulatedIssuer) -> type[BaseHTTPRequestHandler]:
    class Responder(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = issuer.answer(self.path)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """A test's output is its own."""

    return Responder
