"""Six rules that people ask for first, in the words that they would use, each with calls on both sides of its edge."""

from datetime import datetime, timedelta, timezone

import pytest
from tests.fakes.decision_world import MONDAY, TRIAGE, agent_policy, call, entity, held, user_policy

from leasehold.model.access_requests import AccessRequest
from leasehold.model.entities import Entity, EntityRef, Relationship
from leasehold.model.tools import Action
from leasehold.policy.deciding import decision_on
from leasehold.policy.material import CallableTool, facts_of
from leasehold.policy.publishing import publish
from leasehold.policy.relating import StoredRelations

AGENT = entity("agent", "triage", ("role", "code-review"), owner="maya", environment="production")


def tool(server, name, action, **properties):
    schema = {"type": "object", "properties": properties, "required": sorted(properties)}
    return CallableTool(server=server, name=name, action=action, input_schema=schema)


def allowed(version, action, resource, **more):
    subject = more.pop("subject", Entity(ref=TRIAGE))
    request = AccessRequest(subject=subject, action=action, resource=resource, at=more.pop("at", MONDAY), **more)
    return decision_on(request, version).allowed


def test_only_tables_of_sales_and_finance_and_only_from_the_corporate_network():
    facts = facts_of(
        entities=[AGENT],
        tools=[tool("warehouse", "query", Action.READ, table={"type": "string"})],
        grants=held(TRIAGE, ("warehouse", "query", "db:main", {}, "g")),
    )
    policy = """
    permit (principal, action == Action::"warehouse/query", resource)
    when { context.input.table like "sales_*" || context.input.table like "finance_*" }
    when { context has source_ip && context.source_ip.isInRange(ip("10.0.0.0/8")) };
    """
    version = publish([agent_policy(policy)], facts)
    main = entity("db", "main")
    tries = [
        ("sales_q", "10.1.1.1"),
        ("finance_", "10.255.255.255"),
        ("hr_sales_", "10.1.1.1"),
        ("sales_q", "11.0.0.0"),
    ]
    found = [
        allowed(version, "warehouse/query", main, arguments={"table": table}, source=source) for table, source in tries
    ]
    assert found == [True, True, False, False]
    assert not allowed(version, "warehouse/query", main, arguments={"table": "sales_q"})


def test_a_reviewer_of_code_reads_on_named_repositories_and_does_nothing_else():
    reads, writes = ("list_pull_requests", "read_file"), ("delete_branch", "push_commit", "read_secrets")
    facts = facts_of(
        entities=[AGENT],
        tools=[tool("github", one, Action.READ) for one in reads]
        + [tool("github", one, Action.WRITE) for one in writes],
        grants=held(TRIAGE, *[("github", one, f"repo:{repo}", {}, "g") for one in reads for repo in ("web", "api")]),
    )
    version = publish([], facts)
    for repo, expected in (("web", True), ("api", True), ("secret", False)):
        assert [allowed(version, f"github/{one}", entity("repo", repo)) for one in reads] == [expected] * 2
        assert [allowed(version, f"github/{one}", entity("repo", repo)) for one in writes] == [False] * 3


def test_public_issues_may_be_read_and_pull_requests_that_name_private_repositories_not_written():
    facts = facts_of(
        entities=[
            AGENT,
            entity("repo", "web", public=True, mentions=[EntityRef("repo", "api")]),
            entity("repo", "site", public=True, mentions=[EntityRef("repo", "web")]),
            entity("repo", "api", public=False, mentions=[EntityRef("repo", "web")]),
            entity("pr", "1", public=True, mentions=[EntityRef("repo", "api")], private_mentions=1),
            entity("pr", "2", public=True, mentions=[EntityRef("repo", "web")], private_mentions=0),
        ],
        tools=[tool("github", "read_issues", Action.READ), tool("github", "write_pull_request", Action.WRITE)],
        grants=held(
            TRIAGE, ("github", "read_issues", "repo:*", {}, "i"), ("github", "write_pull_request", "pr:*", {}, "p")
        ),
    )
    policy = """
    permit (principal, action == Action::"github/read_issues", resource is repo) when { resource.public };
    permit (principal, action == Action::"github/write_pull_request", resource is pr)
    when { resource.private_mentions == 0 };
    """
    version = publish([agent_policy(policy)], facts)
    assert [allowed(version, "github/read_issues", entity("repo", one)) for one in ("web", "api")] == [True, False]
    assert [allowed(version, "github/write_pull_request", entity("pr", one)) for one in ("1", "2")] == [False, True]


@pytest.mark.parametrize(("amount", "expected"), [(49.99, True), (0.01, True), (50, False), (50.01, False)])
def test_refunds_under_fifty(amount, expected):
    facts = facts_of(
        entities=[AGENT],
        tools=[tool("billing", "refund", Action.WRITE, amount={"type": "number"})],
        grants=held(TRIAGE, ("billing", "refund", "account:*", {}, "g")),
    )
    policy = """
    permit (principal, action == Action::"billing/refund", resource)
    when { context.input.amount.lessThan(decimal("50.0")) };
    """
    version = publish([agent_policy(policy)], facts)
    assert allowed(version, "billing/refund", entity("account", "7"), arguments={"amount": amount}) is expected


@pytest.mark.parametrize(
    ("region", "at", "expected"),
    [
        ("EU", datetime(2026, 11, 23, 9, tzinfo=timezone(timedelta(hours=1))), True),
        ("EU", datetime(2026, 11, 23, 16, 59, tzinfo=timezone(timedelta(hours=1))), True),
        ("EU", datetime(2026, 11, 23, 17, tzinfo=timezone(timedelta(hours=1))), False),
        ("EU", datetime(2026, 11, 22, 12, tzinfo=timezone(timedelta(hours=1))), False),
        ("US", datetime(2026, 11, 23, 12, tzinfo=timezone(timedelta(hours=1))), False),
    ],
)
def test_read_only_in_europe_and_in_business_hours(region, at, expected):
    facts = facts_of(
        entities=[AGENT, entity("user", "ana", region=region)],
        tools=[tool("crm", "read_contact", Action.READ), tool("crm", "edit_contact", Action.WRITE)],
        grants=held(TRIAGE, ("crm", "*", "contact:*", {}, "g")),
    )
    policy = """
    permit (principal, action in Action::"read", resource)
    when { principal.region == "EU" && context.weekday <= 5 }
    when { context.now.offset(duration("1h")).toTime() >= duration("9h") }
    when { context.now.offset(duration("1h")).toTime() < duration("17h") };
    """
    version = publish([user_policy(policy)], facts)
    ana, contact = Entity(ref=EntityRef("user", "ana")), entity("contact", "7")
    assert allowed(version, "crm/read_contact", contact, user=ana, at=at) is expected
    assert not allowed(version, "crm/edit_contact", contact, user=ana, at=at)


def test_documents_that_the_person_owns_or_that_are_shared_with_them():
    ana, bob, eve = (EntityRef("user", name) for name in ("ana", "bob", "eve"))
    plan = EntityRef("document", "plan")
    facts = facts_of(
        entities=[
            AGENT,
            entity("user", "ana"),
            entity("user", "bob", ("group", "finance")),
            entity("user", "eve"),
            entity("group", "finance"),
        ],
        tools=[tool("docs", "read", Action.READ)],
        grants=held(TRIAGE, ("docs", "read", "document:*", {}, "g")),
        relations=StoredRelations(
            [Relationship(plan, "owner", ana), Relationship(plan, "shared_with", EntityRef("group", "finance"))]
        ),
    )
    policy = """
    permit (principal, action == Action::"docs/read", resource is document)
    when { principal in resource.owner || principal in resource.shared_with };
    """
    version = publish([user_policy(policy)], facts)
    found = [allowed(version, "docs/read", Entity(ref=plan), user=Entity(ref=who)) for who in (ana, bob, eve)]
    assert found == [True, True, False]
    assert call().subject.ref == TRIAGE
