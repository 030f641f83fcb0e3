"""What a filter selects in a database is what decisions say of each row, on SQLite and on PostgreSQL."""

import random
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
import sqlalchemy
from tests.fakes.decision_world import ANA, ENTITIES, call, entity, facts, held, user_policy

from leasehold.model.entities import EntityRef
from leasehold.policy.cedar.engines import CompiledEngine
from leasehold.policy.cedar.statements import statements_of
from leasehold.policy.deciding import decision_on
from leasehold.policy.filtering import filter_of, predicate
from leasehold.policy.published import Policy, SidePolicies
from leasehold.policy.publishing import publish
from leasehold.policy.sql import where

TEXTS = ("public", "Public", "pub", "", "a'b", "A*", "ünïcode", "x\\y", "100%", "a_b", "日本")
COLUMNS = {"id": "id", "label": "label", "pages": "pages", "price": "price", "draft": "draft", "region": "region"}
TABLE = "create table docs (id text, label text, pages bigint, price numeric(18, 4), draft boolean, region text)"
ATOMS = (
    *("resource has label", 'resource.label == "public"', 'resource.label != "pub"', 'resource.label like "pub*"'),
    *(
        'resource.label like "*c"',
        'resource.label like "ü*e"',
        r'resource.label like "x\\*"',
        'resource.label like "1*%"',
    ),
    *("resource.pages < 12", "resource.pages >= 7", "5 == resource.pages", "12 > resource.pages", "resource has pages"),
    *('resource.price.lessThan(decimal("1.5"))', 'resource.price.greaterThanOrEqual(decimal("1.5"))'),
    *("resource has draft", "resource.draft", "resource.draft != true", '["EU", "US"].contains(resource.region)'),
    *("resource.region == principal.region", 'resource == doc::"A*3"', "[1, 5, 7].contains(resource.pages)"),
    *("true", 'principal.region == "EU"', "resource is doc", "resource is folder", 'resource.label == "日本"'),
)
READ = call("docs/read", EntityRef("doc", "?"), subject=ANA)
UNCHECKED = "entity doc, folder, user; action other appliesTo { principal: user, resource: doc };"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request) -> Iterator[sqlalchemy.Connection]:
    url = "sqlite://" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(TABLE))
        yield connection
    engine.dispose()


class Draw:
    """Rows and conditions, by chance."""

    def __init__(self, seed):
        self._chance = random.Random(seed)  # noqa: S311  nothing is kept secret by it

    def row(self, number):
        some = {
            "label": self._chance.choice(TEXTS),
            "pages": self._chance.choice((0, 5, 7, 12, -3, 2**62)),
            "price": self._chance.choice([Decimal(one) for one in ("1.5", "20.0", "0.0001", "-3.25")]),
            "draft": self._chance.random() < 0.5,
            "region": self._chance.choice(("EU", "US", "APAC")),
        }
        known = {name: value for name, value in some.items() if self._chance.random() < 0.75}
        return entity("doc", f"{self._chance.choice(TEXTS)}{number}", **known)

    def condition(self, depth):
        if depth == 0 or self._chance.random() < 0.25:
            return self._chance.choice(ATOMS)
        one, other, third = (self.condition(depth - 1) for _ in range(3))
        forms = (f"({one} && {other})", f"({one} || {other})", f"!({one})", f"(if {one} then {other} else {third})")
        return self._chance.choice(forms)

    def policies(self):
        for _ in range(self._chance.choice((1, 2, 3))):
            effect = self._chance.choice(("permit", "permit", "forbid"))
            scope = 'principal, action == Action::"docs/read", resource is doc'
            yield f"{effect} ({scope}) when {{ {self.condition(3)} }};"

    def grants(self):
        return self._chance.choice(((), ("doc:*",), ("doc:p*",), ("doc:*3", "doc:A*")))


def published(rows, documents, grants):
    """Policies that no schema was asked about: errors on rows must let none pass."""
    texts = [user_policy(one, f"p{at}", schema=UNCHECKED) for at, one in enumerate(documents)]
    reaches = [("docs", "read", one, {}, "g") for one in grants]
    version = publish((), facts(entities=[*ENTITIES, *rows], permissions=held(ANA, *reaches)))
    found = [Policy(one, text.mode, text.permits) for text in texts for one in statements_of(text.name, text.document)]
    return replace(version, users=SidePolicies(found, CompiledEngine(), grants=False))


def bound(database, values):
    """SQLite has no exact numbers."""
    exact = database.dialect.name != "sqlite"
    return {name: one if exact or not isinstance(one, Decimal) else float(one) for name, one in values.items()}


def selected(database, rows, clause):
    database.execute(sqlalchemy.text("delete from docs"))
    insert = sqlalchemy.text("insert into docs values (:id, :label, :pages, :price, :draft, :region)")
    for row in rows:
        values = {name: row.attributes.get(name) for name in COLUMNS}
        database.execute(insert, bound(database, {**values, "id": row.ref.id}))
    query = sqlalchemy.text(f"select id from docs where {clause.text}")  # noqa: S608  values are bound
    return sorted(one for (one,) in database.execute(query, bound(database, clause.parameters)))


@pytest.mark.parametrize("seed", range(40))
def test_a_query_finds_the_rows_that_decisions_allow(database, seed):
    draw = Draw(seed)
    rows = [draw.row(number) for number in range(12)]
    version = published(rows, list(draw.policies()), draw.grants())
    allowed = sorted(row.ref.id for row in rows if decision_on(replace(READ, resource=row), version).allowed)
    left = filter_of(READ, version)
    assert sorted(row.ref.id for row in rows if predicate(left, version)(row)) == allowed
    assert selected(database, rows, where(left, COLUMNS)) == allowed
