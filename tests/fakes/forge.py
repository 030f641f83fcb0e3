"""A server shaped like GitHub's and GitLab's REST APIs, as far as comments, issues and statuses go.

Shapes, status codes and headers as documented at
https://docs.github.com/en/rest/issues/comments, https://docs.github.com/en/rest/issues/issues,
https://docs.github.com/en/rest/commits/statuses, https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api,
https://docs.gitlab.com/api/notes/, https://docs.gitlab.com/api/issues/, https://docs.gitlab.com/api/commits/,
https://docs.gitlab.com/api/rest/ (pagination), https://docs.gitlab.com/ci/jobs/ci_job_token/ (what a job token may do).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
BOT = {"login": "github-actions[bot]", "id": 41898282, "type": "Bot", "site_admin": False}
MALLORY = {"login": "mallory", "id": 666, "type": "User", "site_admin": False}
OCTOCAT = {"login": "octocat", "id": 1, "type": "User", "site_admin": False}
PROJECT_BOT = {"id": 77, "username": "project_7_bot_c0ffee", "name": "leasehold", "state": "active"}
STRANGER = {"id": 66, "username": "mallory", "name": "Mallory", "state": "active"}
WRITES, READS, PERSON = "ghs_writes", "ghs_reads_only", "ghp_octocat"
RUNTIME = "runtime-token-of-the-job"
PROJECT_TOKEN, JOB_TOKEN = "glpat-project", "glcbt-job"
NOT_ACCESSIBLE = {
    "message": "Resource not accessible by integration",
    "documentation_url": "https://docs.github.com/rest",
    "status": "403",
}
SECONDARY = {
    "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
    "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits",
}
PRIMARY = {
    "message": "API rate limit exceeded for installation ID 4711.",
    "documentation_url": "https://docs.github.com",
}
_GITHUB_BODY, _GITLAB_NOTE = 65_536, 1_000_000


@dataclass
class Answer:
    status: int
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Fault:
    """The next `times` requests that match are answered so instead. No answer: the connection is closed."""

    method: str
    path: str
    answer: Answer | None
    times: int = 1


@dataclass
class Forge:
    """Repository `acme/infra` with pull request 7; project 7 with merge request 3. Comments by id, in one list each."""

    comments: list[Json] = field(default_factory=list)
    notes: list[Json] = field(default_factory=list)
    issues: list[Json] = field(default_factory=list)
    statuses: list[Json] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    before: Callable[[str, str], None] = lambda *_: None
    after: Callable[[str, str], None] = lambda *_: None
    identity: Callable[[str], str] = lambda _: ""
    url: str = ""
    next_id: int = 1000
    lock: Any = field(default_factory=threading.RLock)

    def comment(self, body: str, user: Json = BOT) -> Json:
        """What somebody wrote at the pull request."""
        with self.lock:
            self.next_id += 1
            one = {
                "id": self.next_id,
                "node_id": f"IC_{self.next_id}",
                "html_url": f"https://github.com/acme/infra/pull/7#issuecomment-{self.next_id}",
                "user": user,
                "created_at": "2026-11-22T06:00:00Z",
                "updated_at": "2026-11-22T06:00:00Z",
                "author_association": "NONE",
                "body": body,
            }
            self.comments.append(one)
            return one

    def note(self, body: str, author: Json = PROJECT_BOT, *, system: bool = False) -> Json:
        """What somebody wrote at the merge request."""
        with self.lock:
            self.next_id += 1
            one = {"id": self.next_id, "type": None, "body": body, "author": author, "system": system}
            self.notes.append(one | {"noteable_type": "MergeRequest", "noteable_iid": 3, "resolvable": False})
            return self.notes[-1]

    def count(self, method: str, path: str = "") -> int:
        return sum(1 for verb, at in self.requests if verb == method and re.search(path, at))

    def fault(self, method: str, path: str) -> Fault | None:
        with self.lock:
            for one in self.faults:
                if one.times > 0 and one.method in {method, "*"} and re.search(one.path, path):
                    one.times -= 1
                    return one
        return None

    def answer(self, method: str, target: str, headers: Any, body: Json) -> Answer:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with self.lock:
            if parts.path == "/oidc":
                allowed = headers.get("Authorization") == f"bearer {RUNTIME}"
                return Answer(200, {"value": self.identity(query["audience"])}) if allowed else Answer(401, {})
            if parts.path.startswith("/api/v4/"):
                return _GitLab(self, headers, query, body).answer(method, parts.path.removeprefix("/api/v4"))
            return _GitHub(self, headers, query, body).answer(method, parts.path)

    def page(self, found: list[Json], query: dict[str, str], target: str, most: int = 100) -> Answer:
        """One page, with the links that both forges send."""
        size = min(int(query.get("per_page", 30)), most)
        at = int(query.get("page", 1))
        shown = found[(at - 1) * size : at * size]
        more = at * size < len(found)
        others = "&".join(f"{name}={value}" for name, value in query.items() if name != "page")
        link = f'<{self.url}{target}?{others}&page={at + 1}>; rel="next"'
        return Answer(200, shown, {"Link": link} if more else {})


@dataclass
class _GitHub:
    forge: Forge
    headers: Any
    query: dict[str, str]
    body: Json

    def answer(self, method: str, path: str) -> Answer:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token not in {WRITES, READS, PERSON}:
            return Answer(401, {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest"})
        user = OCTOCAT if token == PERSON else BOT
        if path == "/user":
            return Answer(200, OCTOCAT) if token == PERSON else Answer(403, NOT_ACCESSIBLE)
        if not path.startswith("/repos/acme/infra/"):
            return Answer(404, {"message": "Not Found", "status": "404"})
        if method != "GET" and token == READS:
            return Answer(403, NOT_ACCESSIBLE)
        place = path.removeprefix("/repos/acme/infra")
        if method != "GET" and len(self.body.get("body", "")) > _GITHUB_BODY:
            return _too_long("body is too long (maximum is 65536 characters)")
        return self._routed(method, place, path, user)

    def _routed(self, method: str, place: str, path: str, user: Json) -> Answer:  # noqa: C901, PLR0911  as above
        forge = self.forge
        match method, place.split("/")[1:]:
            case "GET", ["issues", "7", "comments"]:
                return forge.page(sorted(forge.comments, key=lambda one: one["id"]), self.query, path)
            case "POST", ["issues", "7", "comments"]:
                return Answer(201, dict(forge.comment(self.body["body"], user)))
            case "PATCH", ["issues", "comments", number]:
                return self._edited(_find(forge.comments, "id", number))
            case "DELETE", ["issues", "comments", number]:
                return _removed(forge.comments, number)
            case "GET", ["issues"]:
                labelled = [one for one in forge.issues if self.query["labels"] in {x["name"] for x in one["labels"]}]
                return forge.page(labelled[::-1], self.query, path)
            case "POST", ["issues"]:
                return Answer(201, self._opened(user))
            case "PATCH", ["issues", number]:
                return self._edited(_find(forge.issues, "number", number))
            case "POST", ["statuses", commit]:
                return self._status(commit)
            case _:
                return Answer(404, {"message": "Not Found", "status": "404"})

    def _edited(self, found: Json | None) -> Answer:
        if found is None:
            return Answer(404, {"message": "Not Found", "status": "404"})
        found |= self.body
        return Answer(200, dict(found))

    def _opened(self, user: Json) -> Json:
        labels = [{"name": name} for name in self.body["labels"]]
        number = 100 + len(self.forge.issues)
        one = {**self.body, "number": number, "id": 9000 + number, "state": "open", "user": user, "labels": labels}
        self.forge.issues.append(one)
        return one

    def _status(self, commit: str) -> Answer:
        if self.body.get("state") not in {"success", "failure", "error", "pending"}:
            return Answer(422, {"message": "Validation Failed"})
        if len(self.body.get("description", "")) > 140:
            return _too_long("description is too long (maximum is 140 characters)")
        self.forge.statuses.append({**self.body, "sha": commit})
        return Answer(201, self.forge.statuses[-1])


@dataclass
class _GitLab:
    forge: Forge
    headers: Any
    query: dict[str, str]
    body: Json

    def answer(self, method: str, path: str) -> Answer:  # noqa: C901, PLR0911  one arm per endpoint
        if self.headers.get("PRIVATE-TOKEN") != PROJECT_TOKEN:
            return Answer(401, {"message": "401 Unauthorized"})  # a job token reaches none of these
        forge = self.forge
        match method, path.split("/")[1:]:
            case "GET", ["user"]:
                return Answer(200, PROJECT_BOT)
            case "GET", ["projects", "7", "merge_requests", "3", "notes"]:
                return forge.page(forge.notes, self.query, f"/api/v4{path}")
            case "POST", ["projects", "7", "merge_requests", "3", "notes"]:
                if len(self.body["body"]) > _GITLAB_NOTE:
                    return Answer(400, {"message": {"note": ["is too long (maximum is 1000000 characters)"]}})
                return Answer(201, dict(forge.note(self.body["body"])))
            case "PUT", ["projects", "7", "merge_requests", "3", "notes", number]:
                return self._edited(_find(forge.notes, "id", number))
            case "DELETE", ["projects", "7", "merge_requests", "3", "notes", number]:
                return _removed(forge.notes, number)
            case "GET", ["projects", "7", "issues"]:
                found = [one for one in forge.issues if self.query["labels"] in one["labels"]]
                return forge.page(found[::-1], self.query, f"/api/v4{path}")
            case "POST", ["projects", "7", "issues"]:
                return Answer(201, self._opened())
            case "PUT", ["projects", "7", "issues", number]:
                return self._moved(_find(forge.issues, "iid", number))
            case "POST", ["projects", "7", "statuses", commit]:
                forge.statuses.append({**self.body, "sha": commit})
                return Answer(201, forge.statuses[-1])
            case _:
                return Answer(404, {"message": "404 Not found"})

    def _edited(self, found: Json | None) -> Answer:
        if found is None:
            return Answer(404, {"message": "404 Not found"})
        found |= self.body
        return Answer(200, dict(found))

    def _opened(self) -> Json:
        iid = 1 + len(self.forge.issues)
        labels = self.body["labels"].split(",")
        self.forge.issues.append({**self.body, "iid": iid, "state": "opened", "author": PROJECT_BOT, "labels": labels})
        return self.forge.issues[-1]

    def _moved(self, found: Json | None) -> Answer:
        answer = self._edited(found)
        if found is not None:
            found["state"] = "closed" if found.pop("state_event") == "close" else "opened"
        return answer


def _find(found: list[Json], key: str, number: str) -> Json | None:
    return next((one for one in found if str(one[key]) == number), None)


def _removed(found: list[Json], number: str) -> Answer:
    one = _find(found, "id", number)
    if one is None:
        return Answer(404, {"message": "Not Found", "status": "404"})
    found.remove(one)
    return Answer(204)


def _too_long(message: str) -> Answer:
    errors = [{"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": message}]
    return Answer(422, {"message": "Validation Failed", "errors": errors, "status": "422"})


class _Door(BaseHTTPRequestHandler):
    forge: Forge
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        forge, length = self.forge, int(self.headers.get("content-length") or 0)
        raw = self.rfile.read(length)
        forge.requests.append((self.command, self.path))
        forge.before(self.command, self.path)
        fault = forge.fault(self.command, self.path)
        answer = (
            fault.answer if fault else forge.answer(self.command, self.path, self.headers, json.loads(raw or b"{}"))
        )
        forge.after(self.command, self.path)
        if answer is None:
            self.close_connection = True
            return
        content = b"" if answer.status == 204 else json.dumps(answer.body).encode()
        self.send_response_only(answer.status)
        headers = {"Date": formatdate(usegmt=True), "Content-Type": "application/json", **answer.headers}
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815  http.server's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def forge() -> Iterator[Forge]:
    """The server on loopback while the context lasts."""
    made = Forge()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Door", (_Door,), {"forge": made}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


def github_environment(forge: Forge, folder: Any, token: str = WRITES, **more: Any) -> dict[str, str]:
    """What a job of a pull request finds in its environment on GitHub. `fork` makes the head another repository's."""
    head = "mallory/infra" if more.pop("fork", False) else "acme/infra"
    event = {
        "action": "synchronize",
        "number": 7,
        "pull_request": {
            "number": 7,
            "head": {"sha": "c0ffee" + "0" * 34, "repo": {"full_name": head, "fork": head != "acme/infra"}},
            "base": {"sha": "decade" + "0" * 34, "repo": {"full_name": "acme/infra", "fork": False}},
        },
    }
    path = folder / "event.json"
    path.write_text(json.dumps(event))
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": forge.url,
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "acme/infra",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(path),
        "GITHUB_REF": "refs/pull/7/merge",
        "GITHUB_SHA": "feed" + "0" * 36,
        "GITHUB_RUN_ID": "500",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "GITHUB_TOKEN": token,
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{forge.url}/oidc?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": RUNTIME,
        **more,
    }


def gitlab_environment(forge: Forge, **more: str) -> dict[str, str]:
    """What a job of a merge request finds in its environment on GitLab."""
    return {
        "GITLAB_CI": "true",
        "CI_API_V4_URL": f"{forge.url}/api/v4",
        "CI_PROJECT_ID": "7",
        "CI_MERGE_REQUEST_IID": "3",
        "CI_MERGE_REQUEST_PROJECT_ID": "7",
        "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "7",
        "CI_COMMIT_SHA": "c0ffee" + "0" * 34,
        "CI_PIPELINE_ID": "500",
        "CI_JOB_ID": "9000",
        "CI_JOB_URL": "https://gitlab.example.com/acme/infra/-/jobs/9000",
        "CI_JOB_TOKEN": JOB_TOKEN,
        **more,
    }
