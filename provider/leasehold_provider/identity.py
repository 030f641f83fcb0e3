"""Where the workload's own OpenID Connect token comes from. It proves who runs Terraform; nothing here is stored."""

from __future__ import annotations

import os

from .protocol import DiagnosticError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .client import HttpClient, Origin

    Source = Callable[[], str]
    Connect = Callable[[Origin], HttpClient]

TOKEN_LIMIT = 64 * 1024
_TOKEN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=")  # RFC 6750 §2.1, b64token
_NO_IDENTITY = """\
Leasehold trades the OpenID Connect token that this run already has for a short registry token. None was found.
Use one of:
  - oidc_token_file in the provider block, or LEASEHOLD_OIDC_TOKEN_FILE: such as a projected service-account token
  - LEASEHOLD_OIDC_TOKEN: the token itself, such as GitLab's id_tokens
  - GitHub Actions with `permissions: id-token: write`, which sets ACTIONS_ID_TOKEN_REQUEST_URL
  - LEASEHOLD_DEV_TOKEN: a ready-made registry token, for a registry on this machine alone"""


def token_source(token_file: str | None, audience: str, environ: Mapping[str, str], connect: Connect) -> Source:
    """Return how to get a fresh subject token; the provider block comes before the environment."""
    path = token_file or environ.get("LEASEHOLD_OIDC_TOKEN_FILE")
    if path:
        return lambda: read_token(path)
    if environ.get("LEASEHOLD_OIDC_TOKEN"):
        token = checked(environ["LEASEHOLD_OIDC_TOKEN"].strip(), "LEASEHOLD_OIDC_TOKEN")
        return lambda: token
    url, secret = environ.get("ACTIONS_ID_TOKEN_REQUEST_URL"), environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if url and secret:
        return github_source(url, secret, audience, connect)
    raise DiagnosticError("No identity to authenticate with", _NO_IDENTITY)


def read_token(path: str) -> str:
    """Read a token file anew: projected tokens rotate."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a fifo must not hang the run
        with open(descriptor, "rb") as file:  # noqa: PTH123 -- a descriptor has no path
            raw = file.read(TOKEN_LIMIT + 1)
    except OSError as failed:
        raise DiagnosticError("Cannot read the OIDC token file", f"`{path}`: {failed.strerror}") from None
    if len(raw) > TOKEN_LIMIT:
        raise DiagnosticError("Cannot read the OIDC token file", f"`{path}`: longer than {TOKEN_LIMIT} bytes")
    return checked(raw.decode("ascii", "replace").strip(), f"`{path}`")


def github_source(url: str, secret: str, audience: str, connect: Connect) -> Source:
    """Return how to ask GitHub Actions for a token of this job."""
    from urllib.parse import quote, urlsplit  # noqa: PLC0415 -- GitHub only

    parts = urlsplit(url)
    origin = _github_origin(parts.scheme, parts.netloc)
    query = "&".join(item for item in (parts.query, f"audience={quote(audience, safe='')}") if item)
    headers = {"Authorization": f"bearer {checked(secret, 'ACTIONS_ID_TOKEN_REQUEST_TOKEN')}"}
    client = connect(origin)

    def fetch() -> str:
        answer = client.send("GET", f"{parts.path}?{query}", headers={**headers, "Accept": "application/json"})
        body = answer.json()
        value = body.get("value") if answer.status == 200 and isinstance(body, dict) else None  # noqa: PLR2004
        if not isinstance(value, str):
            raise DiagnosticError("GitHub issued no OIDC token", f"its token service answered {answer.status}")
        return checked(value, "GitHub's token")

    return fetch


def _github_origin(scheme: str, netloc: str) -> Origin:
    from .client import Origin  # noqa: PLC0415 -- GitHub only

    try:
        return Origin(f"{scheme}://{netloc}")
    except ValueError as wrong:
        raise DiagnosticError("ACTIONS_ID_TOKEN_REQUEST_URL cannot be used", f"it {wrong}") from None


def checked(token: str, where: str) -> str:
    """Return `token` if it can stand in a header; the error names the place, never the token."""
    if not token or not _TOKEN.issuperset(token) or len(token) > TOKEN_LIMIT:
        raise DiagnosticError("Not a token", f"{where} holds no token: it is empty or has characters that no token has")
    return token
