"""A small organisation to decide about: an agent, people, documents, three tool servers. Tests add policies to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from leasehold.model.access import Reach
from leasehold.model.access_requests import AccessRequest, OauthMode, OauthStatus
from leasehold.model.authority.plain import constraints_of
from leasehold.model.entities import Entity, EntityRef, Relationship
from leasehold.model.policies import PolicySide
from leasehold.model.tools import Action
from leasehold.policy.cedar.evaluation import Engine
from leasehold.policy.holdings import HeldReach
from leasehold.policy.material import CallableTool, Facts, PolicyText, facts_of
from leasehold.policy.published import Published
from leasehold.policy.publishing import publish
from leasehold.policy.relating import StoredRelations

MONDAY = datetime(2026, 11, 23, 10, tzinfo=UTC)
TRIAGE = EntityRef("agent", "triage")
ANA, BOB, NOBODY = EntityRef("user", "ana"), EntityRef("user", "bob"), EntityRef("user", "nobody")
BILLING, MAIN = EntityRef("tool_server", "billing"), EntityRef("db", "main")
PLAN, MEMO = EntityRef("document", "plan"), EntityRef("document", "memo")

TOOLS = (
    CallableTool(
        server="warehouse",
        name="query",
        action=Action.READ,
        annotations={"readOnlyHint": True},
        input_schema={
            "type": "object",
            "properties": {
                "table": {"type": "string"},
                "limit": {"type": "integer"},
                "dry": {"type": "boolean"},
                "currency": {"enum": ["USD", "EUR"]},
                "since": {"type": "string", "format": "date-time"},
                "note": {"type": ["string", "null"]},
                "tags": {"type": "array", "items": {"type": "string"}},
                "extra": {"type": "object"},
            },
            "required": ["table"],
        },
    ),
    CallableTool(
        server="billing",
        name="refund",
        action=Action.WRITE,
        input_schema={"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]},
    ),
    CallableTool(server="docs", name="read", action=Action.READ, input_schema={"type": "object", "properties": {}}),
    CallableTool(server="docs", name="delete", action=Action.DELETE),
)
GRANTS = (
    ("warehouse", "query", "db:*", {}, "triage/warehouse"),
    ("billing", "refund", "tool_server:billing", {"amount": {"range": {"max": 50}}}, "triage/billing"),
    ("docs", "*", "document:*", {}, "triage/docs"),
)
PERMISSIONS = (
    ("billing", "*", "tool_server:billing", {}, "support/billing"),
    ("docs", "read", "document:m*", {}, "memos"),
)
RELATIONSHIPS = (
    Relationship(PLAN, "owner", ANA),
    Relationship(PLAN, "viewer", EntityRef("group", "support")),
    Relationship(MEMO, "viewer", EntityRef("folder", "shared"), through="viewer"),
    Relationship(EntityRef("folder", "shared"), "viewer", BOB),
)


def entity(type_: str, name: str, *parents: tuple[str, str], **attributes: Any) -> Entity:
    """An entity with its parents and attributes."""
    return Entity(ref=EntityRef(type_, name), attributes=attributes, parents=frozenset(EntityRef(*p) for p in parents))


ENTITIES = (
    entity("agent", "triage", ("team", "payments"), ("role", "crm-reader"), owner="maya", environment="production"),
    entity("user", "ana", ("group", "support"), email="ana@example.com", region="EU"),
    entity("user", "bob", email="bob@example.com", region="US"),
    entity("group", "support", ("group", "staff")),
    entity("document", "plan", label="internal", pages=12),
    entity("document", "memo", label="public", pages=1),
)


def facts(**more: Any) -> Facts:
    """Everything above, with what a test puts in its place."""
    given: dict[str, Any] = {
        "entities": ENTITIES,
        "tools": TOOLS,
        "grants": held(TRIAGE, *GRANTS),
        "permissions": [
            *held(EntityRef("group", "support"), PERMISSIONS[0]),
            *held(EntityRef("group", "staff"), PERMISSIONS[1]),
        ],
        "relations": StoredRelations(RELATIONSHIPS),
    }
    return facts_of(**{**given, **more})


def held(holder: EntityRef, *reaches: tuple[str, str, str, Mapping[str, object], str]) -> list[HeldReach]:
    """What a holder holds."""
    return [
        HeldReach(holder=holder, reach=Reach(server, tool, resource, constraints_of(constraints)), name=name)
        for server, tool, resource, constraints, name in reaches
    ]


def agent_policy(document: str, name: str = "agents", **more: Any) -> PolicyText:
    """A document of the agent side."""
    return PolicyText(name=name, document=document, side=PolicySide.AGENT, **more)


def user_policy(document: str, name: str = "users", **more: Any) -> PolicyText:
    """A document of the user side."""
    return PolicyText(name=name, document=document, side=PolicySide.USER, **more)


def published(*texts: PolicyText, engine: Engine | None = None, **more: Any) -> Published:
    """The world with these policies."""
    return publish(texts, facts(**more), engine)


def call(action: str = "warehouse/query", resource: EntityRef = MAIN, **more: Any) -> AccessRequest:
    """A call of the agent. `user` is a person it acts for."""
    user = more.pop("user", None)
    if action == "warehouse/query":
        more.setdefault("arguments", {"table": "sales_q3"})
    return AccessRequest(
        subject=Entity(ref=more.pop("subject", TRIAGE)),
        action=action,
        resource=more.pop("of", None) or Entity(ref=resource),
        at=more.pop("at", MONDAY),
        user=Entity(ref=user) if user else None,
        **more,
    )


def refund(amount: object, **more: Any) -> AccessRequest:
    """A call of the one tool that moves money."""
    return call("billing/refund", BILLING, arguments={"amount": amount}, **more)


def consented(*scopes: str, consent: bool = True) -> OauthStatus:
    """The status of a token for a person."""
    return OauthStatus(mode=OauthMode.ON_BEHALF_OF, scopes=frozenset(scopes), consent=consent)


def ids(outcomes: Iterable[Any]) -> list[str]:
    """The ids of policies, sorted."""
    return sorted(one.id for one in outcomes)
