"""Issuers of identity for one machine: they sign what Kubernetes, GitHub Actions and a company's login sign.

The tokens are real JWTs with fresh keys; the registry fetches the public halves by OpenID discovery, as it does from
the real ones.
"""

import json
import secrets
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

Claims = dict[str, Any]
_KEYS = "/openid/v1/jwks"


class Issuer:
    """Signs tokens as one issuer, and publishes its keys under `url` while it is served."""

    def __init__(self, algorithm: str, ttl: int) -> None:
        self.url = ""
        self.algorithm, self.ttl = algorithm, ttl
        self._key = (
            rsa.generate_private_key(public_exponent=65537, key_size=2048)
            if algorithm == "RS256"
            else ec.generate_private_key(ec.SECP256R1())
        )
        self._kid = secrets.token_urlsafe(12)
        self._runs: dict[str, Claims] = {}

    def sign(self, audience: str | list[str], claims: Mapping[str, Any], typ: str = "JWT") -> str:
        """A token about `claims`, for `audience`, good from now on for the issuer's usual time."""
        now = int(datetime.now(UTC).timestamp())
        times = {"iat": now, "nbf": now, "exp": now + self.ttl}
        everything = {"iss": self.url, "aud": audience, "jti": str(uuid.uuid4()), **times, **claims}
        return jwt.encode(everything, self._key, algorithm=self.algorithm, headers={"kid": self._kid, "typ": typ})

    def register_run(self, claims: Claims) -> str:
        """A secret by which a CI run may ask for its tokens, as GitHub gives one to each job."""
        secret = secrets.token_urlsafe(24)
        self._runs[secret] = claims
        return secret

    def answer(self, target: str, authorization: str) -> Claims | None:
        """The document at `target`, None if there is none."""
        parts = urlsplit(target)
        if parts.path == "/.well-known/openid-configuration":
            return {
                "issuer": self.url,
                "jwks_uri": f"{self.url}{_KEYS}",
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [self.algorithm],
            }
        if parts.path == _KEYS:
            return {"keys": [self._jwk()]}
        claims = self._runs.get(authorization.partition(" ")[2])
        audience = parse_qs(parts.query).get("audience", [""])[0]
        return {"value": self.sign(audience, claims)} if parts.path == "/token" and claims is not None else None

    def _jwk(self) -> Claims:
        if isinstance(self._key, rsa.RSAPrivateKey):
            public = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        else:
            public = jwt.algorithms.ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {**public, "use": "sig", "alg": self.algorithm, "kid": self._kid}

    @contextmanager
    def serve(self) -> Iterator[None]:
        """Answer on a free port of this machine."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _responder(self))
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()


def pod_claims(namespace: str, service_account: str) -> Claims:
    """What a cluster says about a pod (Kubernetes 1.30, projected service-account token)."""
    return {
        "sub": f"system:serviceaccount:{namespace}:{service_account}",
        "kubernetes.io": {
            "namespace": namespace,
            "node": {"name": "node-a", "uid": str(uuid.uuid4())},
            "pod": {"name": f"{service_account}-7d9c4", "uid": str(uuid.uuid4())},
            "serviceaccount": {"name": service_account, "uid": str(uuid.uuid4())},
        },
    }


def run_claims(repository: str, repository_id: str, *, pull_request: bool = False) -> Claims:
    """What GitHub says about a run of `deploy.yml`: a push to main, or a pull request."""
    ref = "refs/pull/12/merge" if pull_request else "refs/heads/main"
    workflow = f"{repository}/.github/workflows/deploy.yml@{ref}"
    owner, _, name = repository.partition("/")
    return {
        "sub": f"repo:{owner}@4211/{name}@{repository_id}:{'pull_request' if pull_request else f'ref:{ref}'}",
        "ref": ref,
        "ref_type": "branch",
        "ref_protected": "false" if pull_request else "true",
        "sha": "9f2c1b6a7e5d4c3b2a190817263544536271809f",
        "repository": repository,
        "repository_id": repository_id,
        "repository_owner": owner,
        "repository_owner_id": "4211",
        "repository_visibility": "private",
        "actor": "alice",
        "actor_id": "7001",
        "workflow": "deploy",
        "workflow_ref": workflow,
        "job_workflow_ref": workflow,
        "event_name": "pull_request" if pull_request else "push",
        "head_ref": "triage" if pull_request else "",
        "base_ref": "main" if pull_request else "",
        "run_id": "1234",
        "run_number": "12",
        "run_attempt": "1",
        "runner_environment": "github-hosted",
    }


def person_claims() -> Claims:
    """What the company's login says about Alice."""
    return {"sub": "00u1alice", "email": "alice@example.com", "email_verified": True}


def _responder(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Responder(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            document = issuer.answer(self.path, self.headers.get("authorization", ""))
            body = json.dumps(document).encode()
            self.send_response(404 if document is None else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """The story has one narrator."""

    return Responder
