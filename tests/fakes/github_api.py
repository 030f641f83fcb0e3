"""A server shaped like GitHub's API, as far as installation tokens go: it checks the app's JWT, and forgets tokens."""

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass
class GitHubApi:
    """App 1 is installed as 2 with contents, issues and metadata on `web` and `api`."""

    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    deletes_answer: int | None = None
    url: str = ""

    @property
    def pem(self) -> str:
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, *form).decode()

    def create(self, bearer: str, wanted: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        try:
            claims = jwt.decode(
                bearer, self.key.public_key(), algorithms=["RS256"], options={"require": ["exp", "iat"]}
            )
        except jwt.PyJWTError:
            return 401, {"message": "A JSON web token could not be decoded"}
        if claims["iss"] != "1" or claims["exp"] - claims["iat"] > 600:
            return 401, {"message": "bad app or lifetime"}
        if not set(wanted["repositories"]) <= {"web", "api"}:
            return 422, {"message": "There is at least one repository that does not exist"}
        token = f"ghs_{secrets.token_hex(18)}"
        given = {
            "token": token,
            "expires_at": (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "permissions": {**wanted["permissions"], "metadata": "read"},
            "repositories": [{"name": name} for name in wanted["repositories"]],
            **self.answer,
        }
        self.tokens[token] = given
        return 201, given

    def delete(self, bearer: str) -> int:
        if self.deletes_answer is not None:
            return self.deletes_answer
        return 204 if self.tokens.pop(bearer, None) is not None else 401


@contextmanager
def github_api() -> Iterator[GitHubApi]:
    """The server on loopback while the context lasts."""
    api = GitHubApi()

    class Door(BaseHTTPRequestHandler):
        def _bearer(self) -> str:
            return self.headers.get("authorization", "").removeprefix("Bearer ")

        def do_POST(self) -> None:
            wanted = json.loads(self.rfile.read(int(self.headers["content-length"])))
            found = self.path == "/app/installations/2/access_tokens"
            self._reply(*(api.create(self._bearer(), wanted) if found else (404, {})))

        def do_DELETE(self) -> None:
            self._reply(api.delete(self._bearer()) if self.path == "/installation/token" else 404, {})

        def _reply(self, status: int, document: dict[str, Any]) -> None:
            body = b"" if status == 204 else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    api.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
