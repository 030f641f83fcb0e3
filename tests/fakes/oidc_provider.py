"""npm's oidc-provider on loopback, and the code flow through its login pages as a browser would walk it."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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


@contextmanager
def running_provider(folder: Path) -> Iterator[str]:
    """The provider while the context lasts; gives its issuer."""
    with (folder / "provider.log").open("wb") as log:
        process = subprocess.Popen(
            [node(), "provider.mjs"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
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
        back = _walk(url, login)
        assert parse_qs(urlsplit(back).query)["state"] == [state]
        token = client.fetch_token(metadata["token_endpoint"], authorization_response=back, code_verifier=verifier)
    return token["id_token"]


def access_token(issuer: str) -> str:
    """A JWT access token for a client of its own."""
    metadata = httpx.get(f"{issuer}/.well-known/openid-configuration").json()
    with OAuth2Session(*MACHINE, scope="api") as client:
        grant = {"grant_type": "client_credentials", "resource": "https://leasehold.example"}
        return client.fetch_token(metadata["token_endpoint"], **grant)["access_token"]


def _walk(url: str, login: str) -> str:
    """Follow redirects and fill in forms until the provider sends the browser back to the client."""
    forms = iter([{"prompt": "login", "login": login, "password": "x"}, {"prompt": "consent"}])
    with httpx.Client() as browser:
        page = browser.get(url)
        for _ in range(12):
            if page.is_redirect:
                following = urljoin(str(page.url), page.headers["location"])
                if following.startswith(_CALLBACK):
                    return following
                page = browser.get(following)
            else:
                action = re.search(r'action="([^"]+)"', page.text)
                assert action, page.text
                page = browser.post(urljoin(str(page.url), action[1]), data=next(forms))
    raise AssertionError("the provider never sent the browser back")
