"""Azure managed identities, by tenant and object id, from v1 (`sts.windows.net`) and v2 tokens alike.

A token of an application has `sub` equal to `oid`, and says so with `idtyp`; a person's token has not, and is refused
(https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from leasehold.authn import claims
from leasehold.authn.claims import optional_text, text
from leasehold.model.subjects import AzureSubject, IssuerType
from leasehold.model.tokens import Flaw, TokenRefused, VerifiedClaims


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureIdentity:
    """A service principal of a tenant. `client_id` is `appid` in v1 and `azp` in v2."""

    TYPE: ClassVar[IssuerType] = IssuerType.AZURE
    tenant_id: str
    object_id: str
    client_id: str | None
    proposes: bool = False


def identify(verified: VerifiedClaims) -> AzureIdentity:
    """The identity that a verified token speaks for. Raises `TokenRefused`."""
    found = verified.claims
    tenant, account = text(found, "tid"), text(found, "oid")
    if f"/{tenant}/" not in verified.issuer:  # each tenant has an issuer of its own
        raise TokenRefused(Flaw.WRONG_ISSUER)
    if verified.subject != account or optional_text(found, "idtyp") not in {None, "app"}:
        raise TokenRefused(Flaw.BAD_CLAIM)
    client = optional_text(found, "azp" if text(found, "ver") == "2.0" else "appid")
    return AzureIdentity(tenant_id=tenant, object_id=account, client_id=client)


def unmet(pins: AzureSubject, identity: AzureIdentity) -> tuple[str, ...]:
    """The pins that do not hold."""
    return claims.unmet(pins, identity)
