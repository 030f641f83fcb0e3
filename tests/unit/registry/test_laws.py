"""Laws over any order of writes: what is listed is what was put, revisions never repeat, the sequence has no gap."""

from contextlib import suppress
from datetime import UTC, datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from leasehold.model.errors import PreconditionFailed
from leasehold.model.kinds import Kind
from leasehold.model.people import Owner
from leasehold.model.principal import Principal, Role
from leasehold.model.records import EVERYTHING
from leasehold.policy.platform import PlatformAction, decide_platform
from leasehold.registry.delete import delete_object
from leasehold.registry.put import put_object
from leasehold.registry.read import list_objects
from leasehold.registry.snapshot import take_snapshot
from leasehold.registry.writes import Delete, MustBeRevision, MustNotExist, Put
from leasehold.store.memory.store import MemoryStore

NOW = datetime(2026, 11, 23, tzinfo=UTC)
NAMES = st.sampled_from(["a", "b", "c-d", "c_d", "d"])
TEAMS = st.sampled_from(["payments", "marketing"])
REVISIONS = st.integers(min_value=1, max_value=12)
ADMIN = Principal(id="admin", role=Role.SECURITY_ADMIN)


class Registry(RuleBasedStateMachine):
    """A registry beside the plainest model of one: a dict, and every revision ever seen."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()
        self.live: dict[str, tuple[int, Owner]] = {}
        self.seen: set[tuple[str, int]] = set()
        self.writes = 0

    def put(self, name, team, precondition):
        spec = Owner(display_name="Somebody", email="s@example.com", team=team)
        permit = decide_platform(ADMIN, PlatformAction.PUT, Kind.OWNERS)
        written = put_object(
            self.store, permit, Put(kind=Kind.OWNERS, name=name, spec=spec, precondition=precondition), NOW
        )
        before = self.live.get(name)
        revision = written.view.stored.revision
        if before is None or before[1] != spec:
            assert (name, revision) not in self.seen
            self.writes += 1
        self.seen.add((name, revision))
        self.live[name] = (revision, spec)

    @rule(name=NAMES, team=TEAMS)
    def create(self, name, team):
        expected = name not in self.live
        try:
            self.put(name, team, MustNotExist())
        except PreconditionFailed:
            assert not expected
        else:
            assert expected

    @rule(name=NAMES, team=TEAMS, revision=REVISIONS)
    def change(self, name, team, revision):
        expected = name in self.live and self.live[name][0] == revision
        try:
            self.put(name, team, MustBeRevision(revision))
        except PreconditionFailed:
            assert not expected
        else:
            assert expected

    @rule(name=NAMES, team=TEAMS)
    def change_what_is_there(self, name, team):
        if name in self.live:
            self.put(name, team, MustBeRevision(self.live[name][0]))

    @rule(name=NAMES)
    def delete(self, name):
        if name not in self.live:
            return
        revision = self.live.pop(name)[0]
        permit = decide_platform(ADMIN, PlatformAction.DELETE, Kind.OWNERS)
        with suppress(PreconditionFailed):
            delete_object(
                self.store, permit, Delete(kind=Kind.OWNERS, name=name, precondition=MustBeRevision(revision + 1)), NOW
            )
            raise AssertionError("a revision that is not there yet was accepted")
        delete_object(
            self.store, permit, Delete(kind=Kind.OWNERS, name=name, precondition=MustBeRevision(revision)), NOW
        )
        self.seen.add((name, revision + 1))
        self.writes += 1

    @invariant()
    def what_is_listed_is_what_was_put(self):
        after, listed = "", []
        while after is not None:
            page = list_objects(self.store, Kind.OWNERS, after=after, limit=2, filters=EVERYTHING, now=NOW)
            listed += [(v.stored.name, (v.stored.revision, v.stored.spec)) for v in page.items]
            after = page.after
        assert listed == sorted(self.live.items())
        picture = take_snapshot(self.store, None, None, NOW)
        assert [v.stored.name for v in picture.objects[Kind.OWNERS]] == sorted(self.live)

    @invariant()
    def the_sequence_has_no_gap_and_history_has_every_revision(self):
        with self.store.read() as unit:
            assert [c.sequence for c in unit.changes.since(0, 10_000)] == list(range(1, self.writes + 1))
            for name in {name for name, _ in self.seen}:
                kept = {v.revision for v in unit.versions.since(Kind.OWNERS, name, 0)}
                assert kept == {revision for n, revision in self.seen if n == name}


TestRegistry = Registry.TestCase
TestRegistry.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
