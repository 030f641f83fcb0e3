"""What a call carries, when somebody carries something else: pitfalls 4 and 5, by name."""

import json
from decimal import Decimal

import pytest
from tests.fakes.decision_world import (
    ANA,
    MAIN,
    TRIAGE,
    agent_policy,
    call,
    entity,
    facts,
    published,
    refund,
)

from leasehold.model.decisions import Reason
from leasehold.model.entities import EntityRef
from leasehold.policy.assessing import check
from leasehold.policy.cedar.cedar_engine import CedarEngine
from leasehold.policy.cedar.documents import ArgumentsRefused, parse_arguments
from leasehold.policy.cedar.engines import CompiledEngine, engine_named
from leasehold.policy.cedar.evaluation import Query
from leasehold.policy.cedar.statements import statements_of
from leasehold.policy.deciding import decision_on

ENGINES = [CompiledEngine(), CedarEngine(), engine_named("shadow")]
QUERY = 'action == Action::"warehouse/query"'


def reason(request, version):
    return decision_on(request, version).reason


def messages(text, **more):
    return [str(problem) for problem in check([text], facts(**more))]


def evaluated(engine, document, query):
    return engine.prepare(statements_of("d", document))(query)


def question(context, **entities):
    return Query(TRIAGE, EntityRef("Action", "a"), MAIN, context, dict(entities.values()))


# 4. Arguments that spell an entity or an extension value.


@pytest.mark.parametrize("key", ["__entity", "__extn", "__anything"])
@pytest.mark.parametrize("place", ["top", "record", "list", "hidden"])
def test_arguments_never_become_entities_or_extension_values(key, place):
    evil = {key: {"type": "user", "id": "ana"}}
    arguments = {
        "top": {"table": "x", **evil},
        "record": {"table": evil},
        "list": {"table": "x", "tags": [evil]},
        "hidden": {"table": "x", "extra": {"deep": [evil]}},
    }[place]
    decision = decision_on(call(arguments=arguments), published())
    assert decision.reason is Reason.SCHEMA_VIOLATION


def test_a_claim_about_a_resource_is_no_entity_either():
    version = published(entities=[entity("agent", "triage"), entity("db", "other", owner=ANA)])
    claimed = entity("db", "main", owner={"__entity": {"type": "user", "id": "ana"}})
    assert reason(call(of=claimed), version) is Reason.SCHEMA_VIOLATION


# 5. Floats, nulls, huge integers, names given twice.


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (10, Reason.GRANTED),
        (10.5, Reason.GRANTED),
        (Decimal("10.1234"), Reason.GRANTED),
        (Decimal("10.12345"), Reason.SCHEMA_VIOLATION),
        (0.1 + 0.2, Reason.SCHEMA_VIOLATION),
        (float("nan"), Reason.SCHEMA_VIOLATION),
        (float("inf"), Reason.SCHEMA_VIOLATION),
        (1 << 63, Reason.SCHEMA_VIOLATION),
        (-(1 << 63), Reason.SCHEMA_VIOLATION),
        (10**400, Reason.SCHEMA_VIOLATION),
        (Decimal("1E+1000000"), Reason.SCHEMA_VIOLATION),
        (Decimal("1E-1999999"), Reason.SCHEMA_VIOLATION),
        (Decimal("1" * 40 + ".1"), Reason.SCHEMA_VIOLATION),
        (None, Reason.SCHEMA_VIOLATION),
        (True, Reason.SCHEMA_VIOLATION),
        ("10", Reason.SCHEMA_VIOLATION),
        ([10], Reason.SCHEMA_VIOLATION),
    ],
)
def test_a_number_is_kept_exactly_or_refused(amount, expected):
    assert reason(refund(amount), published()) is expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"limit": 5}, Reason.GRANTED),
        ({"limit": 5.0}, Reason.GRANTED),
        ({"limit": Decimal("5.000")}, Reason.GRANTED),
        ({"limit": 5.5}, Reason.SCHEMA_VIOLATION),
        ({"limit": 1 << 63}, Reason.SCHEMA_VIOLATION),
        ({"limit": Decimal("1E+30")}, Reason.SCHEMA_VIOLATION),
        ({"limit": False}, Reason.SCHEMA_VIOLATION),
        ({"note": None}, Reason.GRANTED),
        ({"limit": None}, Reason.SCHEMA_VIOLATION),
        ({"nothing": None}, Reason.SCHEMA_VIOLATION),
        ({"currency": "EUR"}, Reason.GRANTED),
        ({"currency": "eur"}, Reason.SCHEMA_VIOLATION),
        ({"since": "2026-11-23T10:00:00+01:00"}, Reason.GRANTED),
        ({"since": "2026-11-23T10:00:00.1234Z"}, Reason.SCHEMA_VIOLATION),
        ({"since": "yesterday"}, Reason.SCHEMA_VIOLATION),
        ({"tags": ["a", "a"]}, Reason.GRANTED),
        ({"tags": ["a", 1]}, Reason.SCHEMA_VIOLATION),
        ({"tags": "a"}, Reason.SCHEMA_VIOLATION),
    ],
)
def test_an_argument_fits_its_schema_or_is_refused(arguments, expected):
    assert reason(call(arguments={"table": "x", **arguments}), published()) is expected


@pytest.mark.parametrize(
    "raw",
    [
        b'{"table": "sales_q", "table": "hr_q"}',
        b'{"a": {"b": 1, "b": 1}}',
        b'{"n": NaN}',
        b'{"n": -Infinity}',
        b'{"n": ' + b"9" * 500 + b"}",
        b'{"n": 0.' + b"1" * 500 + b"}",
        b'{"t": "\xff"}',
        b'{"t": "a}',
        b"[1]",
        b"",
        b'{"a":' * 999 + b"1" + b"}" * 999,
        b"[" * 100_000,
        b'{"t": "' + b"x" * (1 << 20) + b'"}',
    ],
)
def test_arguments_that_two_readers_could_read_differently_are_refused(raw):
    with pytest.raises(ArgumentsRefused) as refused:
        parse_arguments(raw)
    assert len(str(refused.value)) < 120


def test_arguments_that_everybody_reads_alike_are_read():
    raw = b'{"a": "[[[\\"[{", "n": 1.10, "deep": [[[{"x": [1, -2, true, null]}]]], "big": 12345678901234567890}'
    found = parse_arguments(raw)
    assert found["n"] == Decimal("1.10")
    assert found["big"] == 12345678901234567890
    assert found["deep"] == [[[{"x": [1, -2, True, None]}]]]
    assert parse_arguments(json.dumps({"t": "x" * 1_000_000}).encode())["t"] == "x" * 1_000_000


def test_brackets_in_a_text_are_no_nesting():
    for text in ("[" * 100, '"[{' * 50, "\\" * 50 + "{" * 100):
        assert parse_arguments(json.dumps({"t": text}).encode())["t"] == text


@pytest.mark.parametrize("depth", [70, 1_000])
def test_arguments_that_came_another_way_are_not_too_deep_either(depth):
    deep: object = "x"
    for _ in range(depth):
        deep = [deep]
    assert reason(call(arguments={"table": "x", "extra": {"a": deep}}), published()) is Reason.SCHEMA_VIOLATION
    assert reason(call(context={"colour": deep}), published()) is Reason.SCHEMA_VIOLATION


def test_an_argument_of_a_megabyte_is_decided():
    version = published(
        agent_policy(f'permit (principal, {QUERY}, resource) when {{ context.input.table like "s*x" }};')
    )
    assert reason(call(arguments={"table": "s" + "x" * 1_000_000}), version) is Reason.GRANTED


@pytest.mark.parametrize("name", ["tаble", "TABLE", "table\u200b", "ｔable", "table ", "t\u0301able", ""])
def test_a_name_that_only_looks_like_an_argument_is_none(name):
    assert reason(call(arguments={"table": "x", name: "y"}), published()) is Reason.SCHEMA_VIOLATION


def test_half_a_character_is_no_text():
    assert reason(call(arguments={"table": "\ud800"}), published()) is Reason.SCHEMA_VIOLATION
    assert reason(call(arguments={"table": "Zoë 😀"}), published()) is Reason.GRANTED
