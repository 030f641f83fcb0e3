"""The trail on every store: each committed event has one place, whoever seals and however late it commits."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from tests.fakes.trail_world import NAME, START, TrailWorld, event

from leasehold.model.canonical_json import canonical_json
from leasehold.model.events import Content, Origin, Outcome
from leasehold.model.trail.checkpoints import parse_note
from leasehold.model.trail.queries import Facets, TrailQuery
from leasehold.model.trail.tree import consistency_proof, extends, includes, inclusion_proof
from leasehold.store.database import open_engine, transaction
from leasehold.store.sql_store import open_store
from leasehold.store.sql_trail_search import sealed_events
from leasehold.store.tables import AUDIT, WITHOUT_PLACE
from leasehold.trail.exporting import subtree

HOSTILE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@pytest.fixture
def world(store, tmp_path):
    return TrailWorld(tmp_path, store)


def test_a_trail_that_is_empty_has_no_checkpoint(world):
    assert world.sealer.catch_up() == 0
    with world.store.read() as unit:
        assert unit.trail.last_checkpoint() is None
        assert unit.trail.head().size == 0
        assert unit.trail.first_at(START) is None


def test_every_event_gets_its_place_in_the_order_of_commits(world):
    world.write(*(event(n) for n in range(600)))
    assert world.sealer.seal_all() == 600
    assert world.sealer.seal_all() == 0
    world.write(event(600))
    assert world.sealer.catch_up() == 601
    with world.store.read() as unit:
        sealed = unit.trail.range(0, 1000)
        assert [one.record.event.name for one in sealed] == [f"d{n}" for n in range(601)]
        assert [one.seal.position for one in sealed] == list(range(601))
        assert unit.trail.range(599, 600) == sealed[599:600]
        assert unit.trail.first_at(START + timedelta(seconds=77)) == 77
        assert unit.trail.unsealed(10) == []
    assert world.verify(world.export()).whole


def test_proofs_are_made_of_what_is_kept(world):
    world.grow(700, every=350)
    notes = [parse_note(note).head for note in world.checkpoints()]
    first = next(note for note in notes if note.size == 350)
    with world.store.read() as unit:
        subtrees = partial(subtree, unit.trail)
        for position in (0, 255, 256, 349, 511, 699):
            leaf = unit.trail.hashes(0, position, 1)[0]
            assert includes(leaf, position, 700, inclusion_proof(position, 700, subtrees), notes[-1].root)
        assert extends(350, first.root, 700, notes[-1].root, consistency_proof(350, 700, subtrees))


def test_a_segment_starts_anywhere(world):
    world.grow(530, every=265)
    assert world.verify(world.export(265, 530)).whole
    assert world.verify(world.export(0, 265), world.export(265, 530)).whole


def test_checkpoints_are_signed_in_time_and_by_number(world):
    world.write(event(0))
    world.sealer.seal_all()
    world.write(event(1))
    world.sealer.seal_all()
    assert len(world.checkpoints()) == 1  # a second later would be too soon
    world.now += timedelta(seconds=5)
    world.sealer.seal_all()
    assert [parse_note(note).head.size for note in world.checkpoints()] == [1, 2]
    world.now -= timedelta(days=1)  # a clock that was set back
    world.write(event(2))
    world.sealer.seal_all()
    assert [parse_note(note).head.size for note in world.checkpoints()] == [1, 2, 3]
    assert world.verify(world.export()).whole


def test_of_two_sealers_one_gives_each_place(world, tmp_path):
    other = TrailWorld(tmp_path, world.store)
    world.write(*(event(n) for n in range(400)))
    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(each.sealer.seal_all) for each in (world, other) for _ in range(2)]:
            one.result()
    other.sealer.catch_up()
    with world.store.read() as unit:
        sealed = unit.trail.range(0, 1000)
    assert [one.seal.position for one in sealed] == list(range(400))
    assert len({one.seal.sequence for one in sealed}) == 400
    assert world.verify(world.export()).whole


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(HOSTILE, min_size=8, max_size=8), number=st.floats(allow_nan=False, allow_infinity=False))
def test_hostile_text_in_every_field_is_hashed_as_it_is(world, texts, number):
    principal, action, kind, name, reason, stack, key, value = texts
    hostile = event(
        0, principal=principal, action=action, kind=kind, name=name, reason=reason, stack=stack or None,
        detail={key: value, "deep": [{key: [value, number, 2**60, None, True]}]}, origin=Origin(value, key),
    )  # fmt: skip
    world.write(hostile)
    world.sealer.catch_up()
    lines = world.export()
    record = next(line for line in reversed(lines) if line.startswith(b'{"leaf"'))[
        len('{"leaf":"","record":') + 64 : -2
    ]
    said = json.loads(record)
    assert canonical_json(said) == record.decode()
    assert (said["principal"], said["name"], said["reason"], said["detail"][key]) == (principal, name, reason, value)
    assert world.verify(lines).whole


def test_what_is_shut_away_stands_in_the_trail_as_its_hash(world):
    content = Content("user:ann", "ab" * 32, "cd" * 32, "ciphertext")
    world.write(event(0, content=content, origin=Origin("192.0.2.7", "trace")))
    world.sealer.catch_up()
    said = json.loads(world.export()[1])["record"]
    assert said["content"] == {"subject": "user:ann", "digest": "ab" * 32, "sealed": "cd" * 32}
    assert (said["source"], said["trace"]) == ("192.0.2.7", "trace")


def found(world, before=None, limit=100, **asked):
    facets = {name: asked.pop(name) for name in list(asked) if name in Facets.__slots__}
    with world.store.read() as unit:
        return unit.trail.search(TrailQuery(facets=Facets(**facets), **asked), before, limit)


@pytest.fixture
def asked(world):
    world.grow(20)
    world.write(
        event(20, kind="leases", name="l1", detail={"deployment": "prod", "owner": "payments", "tool": "crm/find"}),
        event(21, detail={"subject": "user:ann", "lease": "l1", "note": "50%_Off"}, principal="enforcer:gateway"),
    )
    return world


QUESTIONS = [
    ({"agent": "triage-1", "since": START + timedelta(seconds=10)}, ["d19", "d16", "d13", "d10"]),
    ({"agent": "triage-1", "until": START + timedelta(seconds=4)}, ["d1"]),
    ({"user": "ann"}, ["d21"]),
    ({"owner": "payments"}, ["l1"]),
    ({"tool": "crm/find"}, ["l1"]),
    ({"lease": "l1"}, ["d21", "l1"]),
    ({"deployment": "prod", "kind": "leases"}, ["l1"]),
    ({"kind": "leases", "name": "l1"}, ["l1"]),
    ({"kind": "decisions", "name": "d4"}, ["d4"]),
    ({"name": "d4", "outcome": Outcome.DENIED}, ["d4"]),
    ({"name": "d4", "outcome": Outcome.OK}, []),
    ({"outcome": Outcome.DENIED, "agent": "triage-0"}, ["d12", "d0"]),
    ({"principal": "enforcer:gateway"}, ["d21"]),
    ({"action": "decide", "text": "50%_oFF"}, ["d21"]),
    ({"text": "50%xOff"}, []),
    ({"agent": "nobody"}, []),
]


def test_events_are_found_by_whom_and_what_they_are_about_sealed_or_not(asked):
    for query, names in QUESTIONS:
        assert [one.record.event.name for one in found(asked, **query)] == names, query
    asked.sealer.catch_up()
    for query, names in QUESTIONS:
        assert [one.record.event.name for one in found(asked, **query)] == names, query


def test_pages_leave_nothing_out_and_repeat_nothing(world):
    same = [replace(event(n // 3), name="same") for n in range(30)]  # three of each instant
    world.write(*same[:25])
    world.sealer.catch_up()
    world.write(*same[25:])
    for query in ({}, {"kind": "decisions"}, {"kind": "decisions", "name": "same"}):
        seen, before = [], None
        while page := found(world, before, 7, **query):
            seen += page
            before = page[-1].place
        assert [one.record.sequence for one in seen] == list(range(30, 0, -1))
        assert [one.position for one in seen] == [None] * 5 + list(range(24, -1, -1))


def plan_of(connection, statement):
    bound = statement.compile(connection.engine, compile_kwargs={"literal_binds": True})
    explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # of a table of no size it reads all as readily
    return str(connection.exec_driver_sql(f"{explain} {str(bound).replace('%', '%%')}").all())


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_what_waits_and_what_is_asked_for_is_found_by_an_index_however_many_events_there_are(kind, tmp_path, request):
    url = request.getfixturevalue("postgres_database_url") if kind == "postgresql" else f"sqlite:///{tmp_path / 'x.db'}"
    open_store(url).close()
    engine = open_engine(url)
    with transaction(engine, writes=True) as connection:
        waiting = select(AUDIT).where(WITHOUT_PLACE).order_by(AUDIT.c.sequence).limit(256)
        assert "ix_audit_events_unsealed" in plan_of(connection, waiting)
        day = TrailQuery(facets=Facets(agent="triage"), since=START, until=START + timedelta(days=1))
        assert "ix_audit_seals_agent" in plan_of(connection, sealed_events(day, None, 100))
    engine.dispose()


@pytest.mark.postgres
def test_an_event_that_commits_after_younger_ones_were_sealed_is_not_passed_over(postgresql_registry_url, tmp_path):
    store, late = open_store(postgresql_registry_url), open_store(postgresql_registry_url)
    world = TrailWorld(tmp_path, store)
    with late.begin() as unit:
        unit.audit.append(event(0))  # takes its number, and commits last
        world.write(event(1))
        assert world.sealer.catch_up() == 1
    assert world.sealer.catch_up() == 2
    lines = world.export()
    assert [json.loads(line)["record"]["name"] for line in lines if b'"record"' in line] == ["d1", "d0"]
    assert world.verify(lines).whole
    store.close()
    late.close()


@pytest.mark.postgres
def test_while_another_server_seals_nothing_is_sealed(postgresql_registry_url, tmp_path):
    store, other = open_store(postgresql_registry_url), open_store(postgresql_registry_url)
    world = TrailWorld(tmp_path, store)
    world.write(event(0))
    with other.begin() as unit:
        assert unit.trail.lock()
        assert world.sealer.seal_some() == 0
    assert world.sealer.catch_up() == 1
    store.close()
    other.close()


def test_events_written_before_there_was_a_trail_are_sealed_like_others(tmp_path):
    url = f"sqlite:///{tmp_path / 'old.db'}"
    engine = open_engine(url)
    with transaction(engine, writes=True) as connection:
        _first_schema(connection)
    engine.dispose()
    world = TrailWorld(tmp_path, open_store(url))
    assert world.sealer.catch_up() == 1
    assert world.verify(world.export()).whole
    world.store.close()


def _first_schema(connection):
    from alembic import command  # noqa: PLC0415  of this test alone

    from leasehold.store.migrate import migrations  # noqa: PLC0415

    configuration = migrations()
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "0001")
    connection.exec_driver_sql(
        "INSERT INTO audit_events (at, principal, action, kind, name, outcome, reason, detail) "
        "VALUES ('2026-01-01 00:00:00.000000', 'alice', 'put', 'owners', 'x', 'ok', '', '{}')"
    )


def test_the_name_of_the_trail_stands_on_every_checkpoint(world):
    world.grow(1)
    assert parse_note(world.checkpoints()[0]).head.origin == NAME


def call(number, **changes):
    """What the gateway writes when a call has ended."""
    detail = {"agent": "triage", "tool": "github/read_file", "milliseconds": 3.5, **changes.pop("detail", {})}
    return event(number, principal="agent:triage", action="call", kind="calls", name="github", detail=detail, **changes)


def test_calls_are_counted_by_agent_and_tool_of_the_newest_that_are_on_record(world):
    begun = call(6)
    hostile = {"agent": "triage", "tool": "github/read_file", "user": '"milliseconds": 1'}
    world.write(
        *(call(n) for n in range(3)),
        call(3, outcome=Outcome.ERROR),  # a tool's own error: it was called
        call(4, detail={"tool": "github/delete_branch"}),
        replace(begun, detail={name: one for name, one in begun.detail.items() if name != "milliseconds"}),
        replace(call(7), outcome=Outcome.DENIED, detail=hostile),
        event(8),
    )
    world.sealer.seal_all()
    with world.store.read() as unit:
        every = unit.audit.calls(START, 100)
        assert [(one.agent, one.tool, one.count, one.last_at) for one in every.uses] == [
            ("triage", "github/delete_branch", 1, START + timedelta(seconds=4)),
            ("triage", "github/read_file", 4, START + timedelta(seconds=3)),
        ]
        assert every.since == START
        newest = unit.audit.calls(START, 4)
        assert [(one.tool, one.count) for one in newest.uses] == [("github/delete_branch", 1), ("github/read_file", 1)]
        assert newest.since == START + timedelta(seconds=3)
        assert unit.audit.calls(START + timedelta(seconds=9), 4).uses == ()
