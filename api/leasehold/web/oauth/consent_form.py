"""`GET|DELETE /v1/consents`: which consent is meant, and how one is shown."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from leasehold.model.consents import Consent
from leasehold.model.plain import rfc3339
from leasehold.web.asgi import Scope
from leasehold.web.oauth.forms import InvalidRequest

_QUERY_LIMIT = 8192
_MAX_FIELDS = 8


@dataclass(frozen=True, slots=True)
class ConsentQuery:
    """Whose consent, for which agent, on what."""

    user: str | None
    agent: str | None
    resource: str | None


def consent_query(scope: Scope) -> ConsentQuery:
    """What the query names. Raises `InvalidRequest`."""
    raw = scope.get("query_string", b"")
    if len(raw) > _QUERY_LIMIT:
        raise InvalidRequest("the query is too long")
    try:
        pairs = parse_qsl(raw.decode("ascii"), strict_parsing=bool(raw), errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise InvalidRequest("the query is not understood") from None
    named = dict(pairs)
    if len(named) != len(pairs) or not named.keys() <= {"user", "agent", "resource"}:
        raise InvalidRequest("the query names user, agent and resource, each once")
    return ConsentQuery(named.get("user"), named.get("agent"), named.get("resource"))


def consent_document(consent: Consent) -> dict[str, object]:
    """One consent."""
    return {
        "user": consent.user,
        "agent": consent.agent,
        "resource": consent.resource,
        "scopes": sorted(consent.scopes),
        "at": rfc3339(consent.at),
        "revoked_at": rfc3339(consent.revoked_at) if consent.revoked_at is not None else None,
    }
