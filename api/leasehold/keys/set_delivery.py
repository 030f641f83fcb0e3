"""Security event tokens brought to their receivers (RFC 8935 §2): one POST each, to an address checked after DNS.

A receiver's URL is the receiver's choice, so that it must lead out: no plain http, no private address, no redirect,
except to hosts that the operator of this server has named.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from leasehold.keys.network import FetchRefused, Network, Post
from leasehold.model.signals import EventNotTaken

_TAKEN = range(200, 300)  # RFC 8935 §2.2 says 202; a receiver that says 200 or 204 has it just as well
_BAD_REQUEST = 400
# RFC 8935 §2.4; what else a receiver says is not repeated.
_ERRORS = frozenset(
    {
        "invalid_request",
        "invalid_key",
        "invalid_issuer",
        "invalid_audience",
        "authentication_failed",
        "access_denied",
    }
)


class SetCourier:
    """Pushes. `private_hosts` may be reached at private addresses, and on loopback without TLS."""

    def __init__(self, network: Network, private_hosts: frozenset[str] = frozenset()) -> None:
        self._network = network
        self._private_hosts = private_hosts

    async def push(self, endpoint: str, token: str, authorization: str | None) -> None:
        """Bring a token. Raises `EventNotTaken` unless the receiver took it."""
        headers = {"content-type": "application/secevent+jwt", "accept": "application/json"}
        if authorization is not None:
            headers["authorization"] = authorization
        private = (urlsplit(endpoint).hostname or "") in self._private_hosts
        try:
            reply = await self._network.post(
                endpoint, Post(headers=headers, body=token.encode()), allow_private=private
            )
        except FetchRefused as refused:
            raise EventNotTaken(str(refused)) from refused
        if reply.status not in _TAKEN:
            raise EventNotTaken(f"status {reply.status}{_said(reply.status, reply.body)}")


def _said(status: int, body: bytes) -> str:
    if status != _BAD_REQUEST:
        return ""
    try:
        error = json.loads(body).get("err")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return f", {error}" if isinstance(error, str) and error in _ERRORS else ""
