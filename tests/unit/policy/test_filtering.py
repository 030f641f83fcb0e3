"""Which rows: the decision with everything known but the resource, as a predicate, as JSON and as SQL."""

import json
import sqlite3
from dataclasses import replace
from decimal import Decimal

import cedarpy
import pytest
from tests.fakes.decision_world import (
    ANA,
    BOB,
    ENTITIES,
    NOBODY,
    PLAN,
    agent_policy,
    call,
    entity,
    facts,
    held,
    published,
    user_policy,
)

from leasehold.model.decisions import Reason
from leasehold.model.entities import EntityRef
from leasehold.policy.cedar.engines import CompiledEngine
from leasehold.policy.cedar.statements import statements_of
from leasehold.policy.deciding import decision_on
from leasehold.policy.filtering import NoFilter, filter_of, predicate
from leasehold.policy.published import Policy, SidePolicies
from leasehold.policy.publishing import publish
from leasehold.policy.sql import NotExpressible, where

SALES = """@id("sales")
@advice("ask the data team")
permit (principal, action == Action::"warehouse/query", resource)
when { context.input.table like "sales_*" || context.input.table like "finance_*" }
unless { context.depth > 2 };
"""


# Which rows.

ROWS = [
    entity("doc", "alpha", label="public", pages=5, price=Decimal("1.5"), draft=False, region="EU"),
    entity("doc", "beta", label="internal", pages=50, price=Decimal("20.0"), draft=True, region="US"),
    entity("doc", "a'b\"c", label="Public", pages=12, draft=False, region="EU"),
    entity("doc", "A*", label="pub", pages=0, price=Decimal("0.0001"), region="APAC"),
    entity("doc", "", pages=7, draft=True),
]
COLUMNS = {name: name for name in ("id", "label", "pages", "price", "draft", "region")}
DOC_READ = 'action == Action::"docs/read", resource is doc'
FILTERS = [
    'resource has label && resource.label == "public"',
    'resource has label && resource.label != "public"',
    'resource has label && resource.label like "pub*"',
    'resource has label && resource.label like "*l*c"',
    'resource has label && resource.label like "*lic"',
    'resource has label && resource.label like "p*c"',
    'resource has label && resource.label like "public"',
    "resource has pages && resource.pages < 12",
    "resource has pages && (resource.pages >= 12 || resource.pages == 0)",
    'resource has price && resource.price.lessThanOrEqual(decimal("1.5"))',
    'resource has price && resource.price.greaterThan(decimal("0.0"))',
    "resource has draft && resource.draft",
    "!(resource has draft && resource.draft) && resource.id_is_free",
    '(resource has region && ["EU", "US"].contains(resource.region)) || resource == doc::"A*"',
    'resource == folder::"alpha"',
    'if principal.region == "EU" then resource has pages else resource has draft',
    'principal.region == "EU" || resource.pages == 7',
    "resource has label && resource.label == principal.region",
    'resource.pages > 6 || resource.label == "public"',
    'resource.label == "public" || resource.pages > 6',
    'resource.label == "public" && resource.pages > 6',
    "resource is folder",
    'resource.price.lessThan(decimal("2.0")) || true',
]  # fmt: skip
READ = call("docs/read", EntityRef("doc", "?"), subject=ANA)


def table():
    database = sqlite3.connect(":memory:")
    database.execute("create table doc (id text, label text, pages integer, price numeric, draft boolean, region text)")
    for row in ROWS:
        values = [row.ref.id, *(row.attributes.get(name) for name in list(COLUMNS)[1:])]
        plain = [float(one) if isinstance(one, Decimal) else one for one in values]
        database.execute("insert into doc values (?, ?, ?, ?, ?, ?)", plain)
    return database


def unchecked(*documents, grants=("doc:*",), **more):
    """Policies that no schema was asked about: errors on rows must not let any pass."""
    schema = "entity doc, folder, user; action other appliesTo {principal: user, resource: doc};"
    texts = [user_policy(one, f"p{at}", schema=schema) for at, one in enumerate(documents)]
    loose = facts(
        entities=[*ENTITIES, *ROWS],
        permissions=held(ANA, *[("docs", "read", one, {}, "g") for one in grants]),
        **more,
    )
    version = publish((), loose)
    policies = [
        Policy(one, text.mode, text.permits) for text in texts for one in statements_of(text.name, text.document)
    ]
    return replace(version, users=SidePolicies(policies, CompiledEngine(), grants=False))


def passing(version):
    return [row.ref.id for row in ROWS if decision_on(replace(READ, resource=row), version).allowed]


def selected(of, columns=COLUMNS):
    clause = where(of, columns)
    parameters = {name: float(one) if isinstance(one, Decimal) else one for name, one in clause.parameters.items()}
    return [row[0] for row in table().execute(f"select id from doc where {clause.text}", parameters)]  # noqa: S608


@pytest.mark.parametrize("condition", FILTERS)
@pytest.mark.parametrize("effect", ["permit", "forbid"])
def test_the_filter_is_the_decision_on_each_row_as_predicate_and_as_sql(effect, condition):
    documents = [f"{effect} (principal, {DOC_READ}) when {{ {condition} }};"]
    version = unchecked(*documents, grants=() if effect == "permit" else ("doc:*",))
    expected = passing(version)
    filter_ = filter_of(READ, version)
    assert [row.ref.id for row in ROWS if predicate(filter_, version)(row)] == expected
    try:
        assert selected(filter_) == expected
    except NotExpressible:
        assert "*l*c" in condition or "id_is_free" in condition


@pytest.mark.parametrize("globs", [("doc:a*",), ("doc:*a",), ("doc:alpha", "doc:A*"), ("doc:*",), ("other:*",), ()])
def test_globs_of_grants_are_conditions_on_the_id(globs):
    version = unchecked(grants=globs)
    expected = passing(version)
    filter_ = filter_of(READ, version)
    assert selected(filter_) == expected == [row.ref.id for row in ROWS if predicate(filter_, version)(row)]


def test_both_sides_of_a_filter_must_let_a_row_pass():
    version = published(
        agent_policy('permit (principal, action == Action::"docs/read", resource is document) '
                     "when { resource.pages < 10 };"),
        user_policy('permit (principal, action == Action::"docs/read", resource is document) '
                    "when { principal in resource.owner || principal in resource.viewer };"),
        permissions=(),
    )  # fmt: skip
    documents = [one for one in ENTITIES if one.ref.type == "document"]
    for user in (ANA, BOB):
        ask = call("docs/read", EntityRef("document", ""), user=user)
        passes = predicate(filter_of(ask, version), version)
        allowed = [decision_on(replace(ask, resource=one), version).allowed for one in documents]
        assert [passes(one) for one in documents] == allowed
        assert not passes(entity("db", "main"))
        assert not passes(entity("document", "memo", pages="x"))
        with pytest.raises(NotExpressible):
            where(filter_of(ask, version), {**COLUMNS, "owner": "owner"})


def test_a_filter_as_json_holds_policies_that_cedar_reads():
    tables = 'context.input.table like "sales_*" || context.input.table like "finance_*"'
    pages = 'resource is document && resource.pages < 10 && context.now.offset(duration("1h")) > context.now'
    version = published(
        agent_policy(SALES.replace("warehouse/query", "docs/read").replace(tables, pages)),
        agent_policy('forbid (principal, action in Action::"docs/*", resource == document::"x");', "no"),
    )
    found = filter_of(call("docs/read", PLAN), version).as_json()
    (side,) = found["sides"]
    assert (found["resource_type"], side["reach"], side["conditional"]) == ("document", ["*"], True)
    for one in (*side["conditions"], *side["forbids"]):
        whole = json.dumps({"staticPolicies": {"p": one}, "templates": {}, "templateLinks": []})
        assert "resource" in cedarpy.policies_from_json_str(whole)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (call("docs/shred", PLAN), Reason.UNKNOWN_ACTION),
        (call(arguments={}), Reason.SCHEMA_VIOLATION),
        (call("docs/read", PLAN, user=NOBODY), Reason.ENTITY_MISSING),
    ],
)
def test_what_nobody_may_on_any_resource_has_no_filter(request_, reason):
    with pytest.raises(NoFilter) as refused:
        filter_of(request_, published())
    assert refused.value.reason is reason


@pytest.mark.parametrize(
    "condition",
    [
        "resource.pages + 1 > 2",
        "resource.label == resource.region",
        'resource in folder::"x"',
        'resource.tags.contains("x")',
        "[principal.region, resource.label].contains(resource.region)",
        "resource.meta.size == 1",
        "resource.price.lessThan(decimal(resource.label))",
        'resource.price.lessThan(decimal("no"))',
        "resource.unknown == 1",
    ],
)  # fmt: skip
def test_what_sql_cannot_say_exactly_is_refused(condition):
    version = unchecked(f"forbid (principal, {DOC_READ}) when {{ {condition} }};")
    with pytest.raises(NotExpressible):
        where(filter_of(READ, version), COLUMNS)


def test_values_never_stand_in_the_text_of_a_clause():
    version = unchecked(f'forbid (principal, {DOC_READ}) when {{ resource.label == "\'; drop table doc; --" }};')
    clause = where(filter_of(READ, version), COLUMNS)
    assert "drop" not in clause.text
    assert "'; drop table doc; --" in clause.parameters.values()
