"""Whom each event is about stands in its record, on every store: what it does not say, the registry knew then."""

import json
from datetime import timedelta

import pytest
from tests.fakes.trail_world import START, TrailWorld, event

from leasehold.model.events import Change, Outcome
from leasehold.model.kinds import Kind
from leasehold.model.leases import REGISTRY, Ancestor, Lease, owner_node
from leasehold.model.records import Version
from leasehold.model.trail.queries import Facets, TrailQuery

LATER = START + timedelta(hours=1)


@pytest.fixture
def world(store, tmp_path):
    made = TrailWorld(tmp_path, store)
    with store.begin() as unit:
        unit.nodes.ensure(REGISTRY)
        unit.leases.add(lease("l1", agent="triage", subject="user:ann", deployment="prod", owner="alice"))
        for kind, name, revision, at, spec in (
            (Kind.AGENTS, "triage", 1, START, {"owner": "alice"}),
            (Kind.AGENTS, "triage", 2, LATER, {"owner": "bob"}),
            (Kind.DEPLOYMENTS, "prod", 1, START, {"agent": "triage"}),
            (Kind.DEPLOYMENTS, "prod", 2, LATER, None),
            (Kind.WORKLOAD_BINDINGS, "pod", 1, START, {"agent": "triage"}),
        ):
            unit.versions.append(version(kind, name, revision, at, spec))
    return made


def lease(id_, *, agent, subject, deployment, owner):
    return Lease(
        id=id_,
        subject=subject,
        agent=agent,
        deployment=deployment,
        binding="pod",
        audience="https://mcp.example",
        scopes=frozenset(),
        ancestors=(Ancestor(REGISTRY, 0), Ancestor(owner_node(owner), 0)),
        token_sha256="",
        issued_at=START,
        expires_at=LATER,
    )


def version(kind, name, revision, at, spec):
    operation = "delete" if spec is None else "update"
    return Version(
        kind=kind, name=name, revision=revision, operation=operation, by="oidc:x", at=at, stack=None, spec=spec
    )


def about(world, *events):
    """What the exported records say."""
    world.write(*events)
    world.sealer.catch_up()
    lines = [line for line in world.export() if line.startswith(b'{"leaf"')]
    assert world.verify(world.export()).whole
    return [json.loads(line)["record"]["about"] for line in lines]


def plain(**changes):
    return event(0, **{"principal": "oidc:ci", "detail": {}, **changes})


def test_a_lease_tells_agent_person_deployment_and_owner(world):
    (said,) = about(world, plain(kind="leases", action="revoke", name="l1"))
    assert said == {"agent": "triage", "user": "ann", "owner": "alice", "deployment": "prod", "lease": "l1"}


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "grants", "name": "triage/github.read_file@repo:web"},
        {"kind": "grant-sets", "name": "triage"},
        {"kind": "workload-bindings", "name": "pod"},
        {"kind": "agents", "name": "triage"},
        {"kind": "agent", "action": "revoke", "name": "agent:triage"},
        {"kind": "consents", "name": "triage"},
        {"kind": "client-secrets", "name": "triage"},
        {"kind": "connections", "name": "c1", "detail": {"holder": "agent:triage"}},
        {"kind": "calls", "name": "github", "principal": "agent:triage"},
    ],
)
def test_what_belongs_to_an_agent_names_the_agent_and_its_owner(world, changes):
    (said,) = about(world, plain(**changes))
    assert (said["agent"], said["owner"]) == ("triage", "alice")


def test_a_deployment_names_its_agent_and_owner_after_its_end_too(world):
    before, after = about(
        world,
        plain(kind="deployments", name="prod"),
        plain(kind="deployment", action="revoke", name="deployment:prod", at=LATER),
    )
    assert before == {"agent": "triage", "owner": "alice", "deployment": "prod"}
    assert after == {"agent": "triage", "owner": "bob", "deployment": "prod"}


def test_the_owner_is_that_of_the_moment(world):
    said = about(
        world,
        plain(kind="agents", name="triage", at=LATER - timedelta(seconds=1)),
        plain(kind="agents", name="triage", at=LATER),
        plain(kind="agents", name="triage", at=START - timedelta(hours=1)),  # its server's clock is behind
    )
    assert [one["owner"] for one in said] == ["alice", "bob", "alice"]


def test_what_the_event_says_counts_more_than_what_is_looked_up(world):
    detail = {"agent": "other", "owner": "carol", "lease": "l1"}
    (said,) = about(world, plain(detail=detail))
    assert (said["agent"], said["owner"], said["deployment"]) == ("other", "carol", "prod")


def test_who_is_not_known_is_not_named(world):
    said = about(world, plain(principal="anonymous", outcome=Outcome.DENIED), plain(kind="agents", name="ghost"))
    assert said == [{}, {"agent": "ghost"}]


def test_a_name_that_no_database_takes_is_no_name_and_stops_nobody(world):
    said = about(world, plain(detail={"agent": "a\0b", "owner": "\x1b[31m", "tool": 7}))
    assert said == [{}]


def test_events_are_found_by_the_owner_that_was_looked_up(world):
    about(world, plain(kind="grants", name="triage/github.read_file@repo:web"), plain(name="else"))
    with world.store.read() as unit:
        (found,) = unit.trail.search(TrailQuery(facets=Facets(owner="alice")), None, 10)
    assert (found.record.event.kind, found.about.owner) == ("grants", "alice")


def test_a_change_of_the_registry_is_seen_by_the_next_event(world):
    about(world, plain(kind="agents", name="fresh"))
    with world.store.begin() as unit:
        unit.versions.append(version(Kind.AGENTS, "fresh", 1, START, {"owner": "dora"}))
        changed(unit)
    assert about(world, plain(kind="agents", name="fresh"))[-1] == {"agent": "fresh", "owner": "dora"}


def changed(unit):
    unit.changes.append(
        Change(
            sequence=unit.changes.latest() + 1,
            kind="agents",
            name="fresh",
            operation="put",
            revision=1,
            by="oidc:x",
            at=START,
        )
    )
