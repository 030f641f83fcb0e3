"""npm's oidc-provider on loopback, and the code flow through its login pages as a browser would walk it."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import toolchain
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from toolchain import interop

SCRIPTS = Path(__file__).parent.parent / "e2e" / "interop"
CLIENT = "leasehold"
MACHINE = ("machine", "machine-secret")
_CALLBACK = "https://client.example/cb"


def workshop(folder: Path) -> Path:
    """A folder in which node finds the packages and our scripts."""
    places = toolchain.repository()
    with places.locked():
        packages = interop.OAUTH.ensure(places).path
    for script in SCRIPTS.glob("*.mjs"):
        (folder / script.name).write_text(script.read_text())
    (folder / "node_modules").symlink_to(packages)
    return folder


def node() -> str:
    """The toolchain's node."""
    return str(toolchain.repository().bin / "node")


def node_answer(folder: Path, script: str, **asked: object) -> dict[str, Any]:
    """What a script of a workshop answers to what it is asked."""
    done = subprocess.run(
        [node(), script],
        cwd=folder,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextmanager
def running_provider(folder: Path, callback: str) -> Iterator[str]:
    """The provider while the context lasts; gives its issuer. Logins may come back to `callback` too."""
    with (folder / "provider.log").open("wb") as log:
        process = subprocess.Popen(
            [node(), "provider.mjs", callback],
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
            assert issuer, (folder / "provider.log").read_text()
            yield issuer
        process.wait(10)


def id_token(issuer: str, login: str) -> str:
    """An id token of a user who logs in and agrees; Authlib asks for it, PKCE and state included."""
    metadata = httpx.get(f"{issuer}/.well-known/openid-configuration").json()
    verifier = generate_token(48)
    with OAuth2Session(
        CLIENT,
        token_endpoint_auth_method="none",
        redirect_uri=_CALLBACK,
        scope="openid",
        code_challenge_method="S256",
    ) as client:
        url, state = client.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier)
        back, _ = walked(url, login, _CALLBACK)
        assert parse_qs(urlsplit(back).query)["state"] == [state]
        token = client.fetch_token(metadata["token_endpoint"], authorization_response=back, code_verifier=verifier)
    return token["id_token"]


def access_token(issuer: str) -> str:
    """A JWT access token for a client of its own."""
    metadata = httpx.get(f"{issuer}/.well-known/openid-configuration").json()
    with OAuth2Session(*MACHINE, scope="api") as client:
        grant = {"grant_type": "client_credentials", "resource": "https://leasehold.example"}
        return client.fetch_token(metadata["token_endpoint"], **grant)["access_token"]


def walked(url: str, login: str, back: str) -> tuple[str, str]:
    """The way of a browser: redirects followed, logged in and agreed to, there and here, until it is sent `back`.

    Where it is sent then, and the last page that asked.
    """
    asking = ""
    with httpx.Client() as browser:
        page = browser.get(url)
        for _ in range(16):
            if page.is_redirect:
                following = urljoin(str(page.url), page.headers["location"])
                if following.startswith(back):
                    return following, asking
                page = browser.get(following)
            else:
                asking, action = page.text, re.search(r'action="([^"]+)"', page.text)
                assert action, asking
                page = browser.post(urljoin(str(page.url), action[1]), data=_answer(asking, login))
    raise AssertionError(f"the browser was never sent to {back}")


def _answer(asking: str, login: str) -> dict[str, str]:
    if ticket := re.search(r'name="ticket" value="([^"]+)"', asking):
        return {"ticket": ticket[1], "answer": "allow"}
    return {"prompt": "login" if 'value="login"' in asking else "consent", "login": login, "password": "x"}
