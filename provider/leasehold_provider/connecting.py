"""From the provider block and the environment to an authenticated registry."""

from __future__ import annotations

from .base import read_base
from .client import HttpClient, Origin
from .identity import token_source
from .protocol import DiagnosticError
from .receipt import read_receipt
from .registry import Registry
from .retry import Retry
from .session import DevelopmentSession, Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .retry import Sleep

_SETTINGS = {
    "endpoint": "LEASEHOLD_ENDPOINT",
    "stack": "LEASEHOLD_STACK",
    "oidc_audience": "LEASEHOLD_OIDC_AUDIENCE",
    "ca_file": "LEASEHOLD_CA_FILE",
    "receipt_file": "LEASEHOLD_RECEIPT_FILE",
    "base_file": "LEASEHOLD_BASE_FILE",
}


def connect(config: Mapping[str, Any], environ: Mapping[str, str], sleep: Sleep) -> Registry:
    """Return the registry that is configured, with a token in hand."""
    settings = {name: config.get(name) or environ.get(variable) for name, variable in _SETTINGS.items()}
    endpoint = (settings["endpoint"] or "").rstrip("/")
    origin = _origin(endpoint)
    ca_file = settings["ca_file"]
    retry = Retry(sleep)
    receipt = read_receipt(settings["receipt_file"])  # before there is a token to give back
    base = read_base(settings["base_file"])
    client = _client(origin, ca_file)
    session = _session(config, settings, environ, origin, client, retry)
    session.token()
    return Registry(client, retry, session, receipt, base)


def _session(
    config: Mapping[str, Any],
    settings: Mapping[str, str | None],
    environ: Mapping[str, str],
    origin: Origin,
    client: HttpClient,
    retry: Retry,
) -> Session:
    endpoint, stack = (settings["endpoint"] or "").rstrip("/"), settings["stack"]
    token = environ.get("LEASEHOLD_DEV_TOKEN")
    if token and not config.get("oidc_token_file"):
        _check_development(origin)
        return DevelopmentSession(token.strip(), endpoint=endpoint, stack=stack)
    audience = settings["oidc_audience"] or endpoint
    source = token_source(config.get("oidc_token_file"), audience, environ, lambda other: _client(other, None))
    return Session(client, retry, source, endpoint=endpoint, stack=stack)


def _check_development(origin: Origin) -> None:
    if not origin.is_loopback:
        raise DiagnosticError(
            "Development token refused",
            "LEASEHOLD_DEV_TOKEN is set, but the endpoint is not on this machine: it is for development alone.",
        )


def _origin(endpoint: str) -> Origin:
    if not endpoint:
        raise DiagnosticError(
            "No registry configured", "Set endpoint in the provider block, or LEASEHOLD_ENDPOINT.", ("endpoint",)
        )
    try:
        return Origin(endpoint)
    except ValueError as wrong:
        raise DiagnosticError("Endpoint cannot be used", f"`{endpoint}` {wrong}", ("endpoint",)) from None


def _client(origin: Origin, ca_file: str | None) -> HttpClient:
    try:
        client = HttpClient(origin, ca_file=ca_file)
    except OSError as failed:
        raise DiagnosticError("Cannot read the CA file", f"`{ca_file}`: {failed.strerror}", ("ca_file",)) from None
    return client
