"""Drift of 10,000 edges, as the door answers it: parse what is declared, read the registry, compare, look for causes.

A thousand agents with ten grants each, all declared; behind the code every twentieth grant was taken away and as many
were made by hand, each with its version and its audit event, and every agent holds a live lease. The database is SQLite
on a file. The other side is the same registry before anybody touched it.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import perf_counter

from benchmarks.figure import Figure
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.grants import Grant, GrantSet
from leasehold.model.kinds import Kind
from leasehold.model.leases import Ancestor, Lease, Node, agent_node
from leasehold.model.objects import Spec, Stored, references
from leasehold.model.people import Agent, Owner
from leasehold.model.plain import plain
from leasehold.model.records import Version
from leasehold.model.tools import Action, Tool, ToolServer
from leasehold.review.declared import NAMED_AFTER, RESOURCE_TYPES
from leasehold.review.reviews import Reviews
from leasehold.store.sql_store import SqlStore, SqlUnitOfWork, open_store
from leasehold.web.declarations import parse_declared
from leasehold.web.review_routes import report_bytes

AGENTS = 1_000
GRANTS = 10
EVERY = 20
ROUNDS = 3
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
URL = "https://mcp.example.com/github"
Objects = dict[tuple[Kind, str], Spec]


def figures() -> Iterator[Figure]:
    """The one figure."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'leasehold.db'}")
        objects = _organisation()
        with store.begin() as unit:
            for (kind, name), spec in objects.items():
                _write(unit, _Write(kind, name, spec, "create", 1))
            unit.leases.add_all([_lease(number) for number in range(AGENTS)])
        body = {"stacks": [{"stack": "prod", "resources": [_row(*key, spec) for key, spec in objects.items()]}]}
        before, clean = _measured(store, body)
        _drift(store, objects)
        after, found = _measured(store, body)
        store.close()
    expected = 2 * AGENTS * GRANTS // EVERY
    if (clean, found) != (0, expected):
        raise SystemExit(f"{clean} and {found} findings where 0 and {expected} are")
    yield Figure("drift_10000_edges_seconds", after, "s", before, after / before)


def _measured(store: SqlStore, body: dict[str, object]) -> tuple[float, int]:
    times, found = [], 0
    for _ in range(ROUNDS):
        start = perf_counter()
        report = Reviews(store).drift(parse_declared(body), NOW)
        answer = report_bytes(report)
        times.append(perf_counter() - start)
        found = len(report.findings)
        if not answer:
            raise SystemExit("no answer")
    return statistics.median(times), found


@dataclass(frozen=True, slots=True)
class _Write:
    kind: Kind
    name: str
    spec: Spec
    operation: str
    revision: int
    stack: str | None = "prod"


def _organisation() -> Objects:
    objects: Objects = {
        (Kind.OWNERS, "alice"): Owner(display_name="Alice", email="alice@example.com", team="web"),
        (Kind.TOOL_SERVERS, "github"): ToolServer(
            url=URL, tools={"read_file": Tool(action=Action.READ), "delete_branch": Tool(action=Action.DELETE)}
        ),
    }
    for number in range(AGENTS):
        name = f"agent-{number}"
        grants = [_grant(name, f"repo:{number}-{one}") for one in range(GRANTS)]
        objects[Kind.AGENTS, name] = Agent(owner="alice", review_by=date(2027, 5, 1), environment="prod")
        objects[Kind.GRANT_SETS, name] = GrantSet(grants=frozenset(one.id for one in grants))
        objects |= {(Kind.GRANTS, one.id): one for one in grants}
    return objects


def _grant(agent: str, resource: str, tool: str = "read_file") -> Grant:
    return Grant(agent=agent, tool_server="github", tools=frozenset({tool}), resources=frozenset({resource}))


def _drift(store: SqlStore, objects: Objects) -> None:
    grants = [(name, spec) for (_, name), spec in objects.items() if isinstance(spec, Grant)][::EVERY]
    with store.begin() as unit:
        for name, spec in grants:
            unit.objects.delete(Kind.GRANTS, name)
            _write(unit, _Write(Kind.GRANTS, name, spec, "delete", 2, None))
            more = _grant(spec.agent, "repo:secret", "delete_branch")
            extra = _grant(spec.agent, min(spec.resources), "delete_branch")
            for one in {more.id: more, extra.id: extra}.values():
                if unit.objects.find(Kind.GRANTS, one.id) is None:
                    _write(unit, _Write(Kind.GRANTS, one.id, one, "create", 1, None))
                    break


def _write(unit: SqlUnitOfWork, write: _Write) -> None:
    by, at = ("ci", NOW - timedelta(days=9)) if write.stack else ("oidc:mallory@example.com", NOW - timedelta(hours=1))
    gone = write.operation == "delete"
    if not gone:
        stored = Stored(
            kind=write.kind,
            name=write.name,
            revision=write.revision,
            spec=write.spec,
            stack=write.stack,
            created_at=at,
            updated_at=at,
            updated_by=by,
        )
        unit.objects.put(stored, references(write.name, write.spec))
    spec = None if gone else plain(write.spec)
    about = {"kind": write.kind, "name": write.name, "at": at, "stack": write.stack}
    unit.versions.append(Version(**about, revision=write.revision, operation=write.operation, by=by, spec=spec))
    detail = {"revision": write.revision, "lease": "l" * 32}
    unit.audit.append(AuditEvent(**about, principal=by, action=write.operation, outcome=Outcome.OK, detail=detail))


def _lease(number: int) -> Lease:
    name = f"agent-{number}"
    return Lease(
        id=f"lease-{number}",
        subject=f"agent:{name}",
        agent=name,
        deployment=None,
        binding="pods",
        audience=URL,
        scopes=frozenset({"mcp:tool:read_file:read", "mcp:tool:delete_branch:delete"}),
        ancestors=(Ancestor(Node("registry"), 0), Ancestor(agent_node(name), 0)),
        token_sha256=f"{number:064x}",
        issued_at=NOW - timedelta(minutes=1),
        expires_at=NOW + timedelta(minutes=4),
    )


def _row(kind: Kind, name: str, spec: Spec) -> dict[str, object]:
    named = {NAMED_AFTER.get(kind, "name"): name}
    values = {"id": name, "revision": 1, **plain(spec), **named}
    return {"type": RESOURCE_TYPES[kind], "address": f"{RESOURCE_TYPES[kind]}.x[{name!r}]", "values": values}
