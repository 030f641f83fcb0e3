"""The kinds of object a registry holds; the value is the word in the URL."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """`PUT|GET|DELETE /v1/{kind}/{name}`."""

    OWNERS = "owners"
    AGENTS = "agents"
    TRUST_ISSUERS = "trust-issuers"
    WORKLOAD_BINDINGS = "workload-bindings"
    TOOL_SERVERS = "tool-servers"
    TOOL_PINS = "tool-pins"
    SCOPES = "scopes"
    CEILINGS = "ceilings"
    GRANTS = "grants"
    GRANT_SETS = "grant-sets"
    DEPLOYMENTS = "deployments"
    CREDENTIAL_PROFILES = "credential-profiles"
    POLICIES = "policies"
    USERS = "users"
    RESOURCES = "resources"
    RELATIONS = "relations"
    DRIFT_EXCEPTIONS = "drift-exceptions"

    @property
    def singular(self) -> str:
        """The noun for messages: `trust issuer`, `grant set`."""
        if self is Kind.POLICIES:
            return "policy"
        return self.value.removesuffix("s").replace("-", " ")
