"""A server shaped like GitHub's API, as far as installation tokens go: it checks the app's JWT, and forgets tokens."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.fakes.serving import answering


@dataclass
class GitHubApi:
    """App 1 is installed as 2 with contents, issues and metadata on `web` and `api`."""

    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    deletes_answer: int | None = None
    url: str = ""
    permissions: dict[str, str] = field(default_factory=lambda: {"contents": "write", "metadata": "read"})
    repositories: list[str] = field(default_factory=lambda: ["web", "api"])
    selection: str = "selected"
    shows: int | None = None
    suspended_by: str | None = None
    updated_at: str = "2026-11-01T00:00:00Z"
    audit_log: list[dict[str, Any]] = field(default_factory=list)
    log_answers: int = 200

    @property
    def pem(self) -> str:
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, *form).decode()

    def refusal(self, bearer: str) -> tuple[int, dict[str, Any]] | None:
        """Why the app's JWT is not taken."""
        try:
            claims = jwt.decode(
                bearer, self.key.public_key(), algorithms=["RS256"], options={"require": ["exp", "iat"]}
            )
        except jwt.PyJWTError:
            return 401, {"message": "A JSON web token could not be decoded"}
        if claims["iss"] != "1" or claims["exp"] - claims["iat"] > 600:
            return 401, {"message": "bad app or lifetime"}
        return None

    def get(self, target: str, bearer: str) -> tuple[int, Any]:
        """Answer a GET; `shows`, if set, is the status of every answer."""
        path, _, query = target.partition("?")
        if self.shows is not None:
            return self.shows, {}
        if path == "/orgs/acme/audit-log":
            return self.log(bearer, query)
        asked = {key: int(values[0]) for key, values in parse_qs(query).items()}
        if path == "/installation/repositories":
            return self.list(bearer, asked.get("page", 1), asked.get("per_page", 30))
        return self.show(bearer) if path == "/app/installations/2" else (404, {})

    def show(self, bearer: str) -> tuple[int, dict[str, Any]]:
        """`GET /app/installations/2`, as GitHub documents it."""
        if (refused := self.refusal(bearer)) is not None:
            return refused
        return 200, {
            "id": 2,
            "app_id": 1,
            "account": {"id": 99, "login": "acme"},
            "repository_selection": self.selection,
            "permissions": dict(self.permissions),
            "app_slug": "leasehold-of-acme",
            "suspended_at": self.updated_at if self.suspended_by else None,
            "suspended_by": {"login": self.suspended_by} if self.suspended_by else None,
            "updated_at": self.updated_at,
        }

    def log(self, bearer: str, query: str) -> tuple[int, Any]:
        """`GET /orgs/acme/audit-log`, for a token with the right to it; the phrase's action and day are heeded."""
        given = self.tokens.get(bearer)
        if given is None or given["permissions"].get("organization_administration") != "read":
            return 403, {"message": "Resource not accessible by integration"}
        (phrase,) = parse_qs(query)["phrase"]
        wanted = dict(part.split(":", 1) for part in phrase.split())
        day = datetime.fromisoformat(wanted["created"].removeprefix(">=")).replace(tzinfo=UTC).timestamp() * 1000
        found = [one for one in self.audit_log if one["action"].startswith(wanted["action"])]
        return self.log_answers, [one for one in found if one["@timestamp"] >= day]

    def list(self, bearer: str, page: int, size: int) -> tuple[int, dict[str, Any]]:
        """`GET /installation/repositories`, with a token of the installation."""
        if bearer not in self.tokens:
            return 401, {"message": "Bad credentials"}
        shown = self.repositories[(page - 1) * size : page * size]
        return 200, {
            "total_count": len(self.repositories),
            "repositories": [{"name": one, "full_name": f"acme/{one}"} for one in shown],
        }

    def create(self, bearer: str, wanted: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if (refused := self.refusal(bearer)) is not None:
            return refused
        wanted = {"repositories": self.repositories, **wanted}
        if any(name not in {*self.permissions, "metadata"} for name in wanted["permissions"]):
            return 422, {"message": "The permissions requested are not granted to this installation."}
        if not set(wanted["repositories"]) <= set(self.repositories):
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

        def do_GET(self) -> None:
            self._reply(*api.get(self.path, self._bearer()))

        def do_DELETE(self) -> None:
            self._reply(api.delete(self._bearer()) if self.path == "/installation/token" else 404, {})

        def _reply(self, status: int, document: Any) -> None:
            body = b"" if status == 204 else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with answering(Door) as api.url:
        yield api
