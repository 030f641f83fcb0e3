"""Our server, npm's oidc-provider and a tool server, each on loopback; and a browser that walks between them."""

import hashlib
import json
import re
import secrets
import socket
import subprocess
import threading
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx
import pytest
from tests.fakes.broker_world import NobodyDraws
from tests.fakes.oidc_provider import node, workshop
from tests.fakes.serving import PATIENCE, Served

from leasehold.broker_wiring import Brokerage, open_brokerage
from leasehold.model.connections import UpstreamCall
from leasehold.settings import Settings, read_settings
from leasehold.store.sql_store import open_store
from leasehold.wiring import open_server

HERE = Path(__file__).parent
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"


class ToolServerDoor(BaseHTTPRequestHandler):
    """Refuses everybody, and says where its metadata is (RFC 9728 §5.1)."""

    def do_POST(self) -> None:
        self.send_response(401)
        place = self.server.address.replace("/mcp", "/metadata")  # type: ignore[attr-defined]
        self.send_header("www-authenticate", f'Bearer resource_metadata="{place}"')
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        document = {"resource": self.server.address, "authorization_servers": [self.server.issuer]}  # type: ignore[attr-defined]
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class Stage:
    """Who is there. `clock` is what the broker of the test goes by; the server itself goes by the real one."""

    server: str
    provider: str
    tool_server: str
    brokerage: Brokerage
    admin: str
    ahead: list[float] = field(default_factory=lambda: [0.0])

    def call(self, user: str, **changes: object) -> UpstreamCall:
        asked = {
            "agent": "triage",
            "user": user,
            "tool_server": "notes",
            "method": "POST",
            "url": self.tool_server,
            "headers": {},
            "body": b"{}",
            "now": datetime.now(UTC),
        }
        return UpstreamCall(**{**asked, **changes})

    def connect(self, login: str, account: str) -> httpx.Response:
        """The whole way in a browser: log in as `login`, then connect `account` of the other side."""
        with httpx.Client() as browser:
            page = browser.get(f"{self.server}/connect/notes")
            for _ in range(24):
                if page.is_redirect:
                    page = browser.get(urljoin(str(page.url), page.headers["location"]))
                elif 'name="ticket"' in page.text:
                    ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)[1]
                    # Another account over there than the one that logged in here: forget that session.
                    kept = {c.name: c.value for c in browser.cookies.jar if c.name == "leasehold"}
                    browser.cookies.clear()
                    browser.cookies.update(kept)
                    login = account
                    fields = {"ticket": ticket, "answer": "connect"}
                    page = browser.post(f"{self.server}/connect", data=fields, headers={"origin": self.server})
                elif (action := re.search(r'action="([^"]+)"', page.text)) is not None:
                    wanted = "login" if 'value="login"' in page.text else "consent"
                    form = {"prompt": wanted, **({"login": login, "password": "x"} if wanted == "login" else {})}
                    page = browser.post(urljoin(str(page.url), action[1]), data=form)
                else:
                    return page
        raise AssertionError("the way has no end")

    def send(self, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.admin}"}
        return httpx.request(method, self.server + path, json=body, headers=headers)


@pytest.fixture
def stage(tmp_path) -> Iterator[Stage]:
    folder = workshop(tmp_path)
    (folder / "upstream.mjs").write_text((HERE / "upstream.mjs").read_text())
    with socket.create_server(("127.0.0.1", 0)) as listener, _tool_server() as door:
        server = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with _provider(folder, door.address, f"{server}/oauth2/login/callback") as provider:
            door.issuer = provider
            environment = {"LEASEHOLD_DATA_DIR": str(folder / "registry"), "LEASEHOLD_ISSUER": server}
            settings = read_settings(environment)
            with _registry(settings, listener) as bootstrap:
                admin = _furnish(server, provider, door.address, bootstrap)
                store = open_store(settings.database_url)
                brokerage = open_brokerage(settings, store, NobodyDraws(), lambda: datetime.now(UTC))
                yield Stage(server, provider, door.address, brokerage, admin)
                brokerage.close()
                store.close()


def _furnish(server: str, provider: str, tool_server: str, bootstrap: str) -> str:
    login = {
        "client_id": "leasehold",
        "authorization_endpoint": f"{provider}/auth",
        "token_endpoint": f"{provider}/token",
    }
    trust = {"type": "oidc", "issuer": provider, "audiences": ["leasehold"], "algorithms": ["ES256"]}
    admin = {"name": "admin", "role": "security-admin", "trust_issuer": "people", "oidc": {"subject": "admin"}}
    people = {"name": "people", **trust, "allow_private": True, "login": login}
    _send(server, "POST", "/v1/bootstrap", bootstrap, trust_issuer=people, workload_bindings=[admin])
    token = _registry_token(server, provider)
    oauth = {"scopes": ["api", "offline_access"], "allow_private": True}
    for kind, name, spec in (
        ("owners", "alice", {"display_name": "Alice", "email": "alice@example.com", "team": "shop"}),
        ("agents", "triage", {"owner": "alice", "review_by": "2027-06-01"}),
        (
            "tool-servers",
            "notes",
            {"url": tool_server, "tools": {"read": {"action": "read"}}, "upstream_auth": {"oauth": oauth}},
        ),
    ):
        _send(server, "PUT", f"/v1/{kind}/{name}", token, **spec)
    return token


def _registry_token(server: str, provider: str) -> str:
    """The administrator's, for an id token of the provider; the login page gives it as it would give it to us."""
    verifier, back = secrets.token_urlsafe(48), f"{server}/oauth2/login/callback"
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {"response_type": "code", "client_id": "leasehold", "redirect_uri": back, "scope": "openid"}
    asked |= {"code_challenge": challenge, "code_challenge_method": "S256", "nonce": "n"}
    with httpx.Client() as browser:
        page = browser.get(f"{provider}/auth?{urlencode(asked)}")
        for _ in range(12):
            if page.is_redirect:
                following = urljoin(str(page.url), page.headers["location"])
                if following.startswith(back):
                    break
                page = browser.get(following)
            else:
                wanted = "login" if 'value="login"' in page.text else "consent"
                action = re.search(r'action="([^"]+)"', page.text)[1]
                form = {"prompt": wanted, "login": "admin", "password": "x"}
                page = browser.post(urljoin(str(page.url), action), data=form)
    code = parse_qs(urlsplit(following).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "client_id": "leasehold"}
    tokens = httpx.post(f"{provider}/token", data={**form, "code_verifier": verifier}).json()
    exchange = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": tokens["id_token"],
        "subject_token_type": ID_TOKEN,
        "resource": f"{server}/v1",
    }
    return httpx.post(f"{server}/oauth2/token", data=exchange).json()["access_token"]


def _send(server: str, method: str, path: str, bearer: str, **body: object) -> dict:
    headers = {"authorization": f"Bearer {bearer}", "content-type": "application/json"}
    if method == "PUT":
        headers["if-none-match"] = "*"
    request = urllib.request.Request(server + path, json.dumps(body).encode(), headers, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=PATIENCE) as reply:  # noqa: S310  loopback
        return json.loads(reply.read())


@contextmanager
def _tool_server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), ToolServerDoor)
    server.address = f"http://127.0.0.1:{server.server_address[1]}/mcp"  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def _provider(folder: Path, tool_server: str, callback: str) -> Iterator[str]:
    with (folder / "upstream.log").open("wb") as log:
        process = subprocess.Popen(
            [node(), "upstream.mjs", tool_server, callback],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        assert process.stdin
        assert process.stdout
        with process.stdout, process.stdin:
            issuer = process.stdout.readline().strip()
            assert issuer, (folder / "upstream.log").read_text()
            yield issuer
        process.wait(10)


@contextmanager
def _registry(settings: Settings, listener: socket.socket) -> Iterator[str]:
    server = open_server(settings)
    assert server.bootstrap_token
    served = Served(server.app, listener=listener)
    yield server.bootstrap_token
    served.stop(at_once=True)
    server.store.close()
