"""Callers without tokens: each bearer string is one principal, anything else is nobody."""

from __future__ import annotations

from datetime import datetime

from leasehold.model.errors import Unauthenticated
from leasehold.model.principal import Principal, Role

PEOPLE = {
    "admin": Principal(id="oidc:ada@example.com", role=Role.SECURITY_ADMIN),
    "alice": Principal(id="oidc:alice@example.com", role=Role.DEVELOPER, teams=frozenset({"payments"})),
    "mallory": Principal(id="oidc:mallory@example.com", role=Role.DEVELOPER, teams=frozenset({"marketing"})),
    "viewer": Principal(id="oidc:victor@example.com", role=Role.VIEWER),
    "approver": Principal(id="oidc:anna@example.com", role=Role.APPROVER),
    "auditor": Principal(id="oidc:otto@example.com", role=Role.AUDITOR),
    "pep": Principal(id="kubernetes:gateway", role=Role.ENFORCER),
    "prod": Principal(id="github-actions:acme/web#1", role=Role.SECURITY_ADMIN, stack="prod"),
    "staging": Principal(id="github-actions:acme/web#2", role=Role.SECURITY_ADMIN, stack="staging"),
    "platform": Principal(
        id="github-actions:acme/platform#1", role=Role.SECURITY_ADMIN, stack="platform", may_admit=True
    ),
    "plan": Principal(
        id="github-actions:acme/web#3", role=Role.SECURITY_ADMIN, stack="prod", plan_only=True, lease="lease-plan"
    ),
}
HELD = {
    "held": Principal(id="github-actions:acme/held#1", role=Role.SECURITY_ADMIN, stack="held"),
    "held-pr": Principal(id="github-actions:acme/held#2", role=Role.SECURITY_ADMIN, stack="held", plan_only=True),
}
"""Runs of a stack whose writes need the receipt of a reviewed plan."""


class FakeAuthenticator:
    """Knows `PEOPLE`, and those of the stack that is held to receipts, by name."""

    def authenticate(self, bearer: str, _now: datetime, _key: str | None = None) -> Principal:
        if (principal := PEOPLE.get(bearer) or HELD.get(bearer)) is None:
            raise Unauthenticated("the bearer token was not accepted")
        return principal
