"""Agents as OAuth clients: the keys they prove themselves with, and where people who consented come back to."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

DYNAMIC_CLIENTS_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """What an agent is as an OAuth client.

    Args:
        jwks: Its public keys, as a JWK set or the JSON text of one.
        jwks_uri: Or the https URL of that JWK set.
        redirect_uris: Where people who consented to act through it come back to, compared to the letter.
        client_ids: Addresses (https) of client metadata documents that describe further clients of it.
        dynamic_clients: How many clients may register themselves for it, 0 to 20; none if left out.
        public_clients: Whether clients without authentication, such as programs on people's computers, may act through
            it for people who log in and consent each time.
        secret_allowed: Whether a generated, expiring secret may stand in for a key. Better leave it off.
        dpop: `required` binds every token of it to a key that only the workload has.

    Raises:
        ValueError: keys come from two places, or an address is not https.
    """

    jwks: Mapping[str, Any] | str | None = None  # Any: a JWK is JSON
    jwks_uri: str | None = None
    redirect_uris: Collection[str] = ()
    client_ids: Collection[str] = ()
    dynamic_clients: int | None = None
    public_clients: bool = False
    secret_allowed: bool = False
    dpop: Literal["off", "required"] | None = None

    def __post_init__(self) -> None:
        if self.jwks is not None and self.jwks_uri is not None:
            raise ValueError("give jwks or jwks_uri, not both: keys come from one place")
        for address in (*self.client_ids, *((self.jwks_uri,) if self.jwks_uri is not None else ())):
            if not address.startswith(("https://", "${")):
                raise ValueError(f"`{address}` must be an https URL")
        if self.dynamic_clients is not None and not 0 <= self.dynamic_clients <= DYNAMIC_CLIENTS_MAX:
            raise ValueError(f"dynamic_clients is {self.dynamic_clients}: an agent takes 0 to {DYNAMIC_CLIENTS_MAX}")

    def attributes(self) -> dict[str, object]:
        """What `leasehold_agent` says of it; what the registry's default says already is left out."""
        jwks = self.jwks if isinstance(self.jwks, str) or self.jwks is None else json.dumps(self.jwks, sort_keys=True)
        return {
            "client_jwks": jwks,
            "client_jwks_uri": self.jwks_uri,
            "client_secret_allowed": True if self.secret_allowed else None,
            "redirect_uris": sorted(self.redirect_uris) or None,
            "client_ids": sorted(self.client_ids) or None,
            "dynamic_clients": self.dynamic_clients,
            "public_clients": True if self.public_clients else None,
            "dpop": self.dpop,
        }
