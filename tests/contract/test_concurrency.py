"""Two writers at once: one wins, the other learns what happened; the sequence has no gap and no node is lost."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from tests.contract.samples import EVERY_SPEC, NOW

from leasehold.model.errors import PreconditionFailed
from leasehold.model.kinds import Kind
from leasehold.model.principal import Principal, Role
from leasehold.policy.platform import PlatformAction, decide_platform
from leasehold.registry.put import put_object
from leasehold.registry.writes import MustBeRevision, MustNotExist, Put

WRITERS = 8
OWNER = EVERY_SPEC[Kind.OWNERS]


def put(store, name, precondition, team):
    permit = decide_platform(Principal(id=team, role=Role.SECURITY_ADMIN), PlatformAction.PUT, Kind.OWNERS)
    spec = OWNER.__class__(display_name="Alice", email="alice@example.com", team=team)
    return put_object(store, permit, Put(kind=Kind.OWNERS, name=name, spec=spec, precondition=precondition), NOW)


def at_once(write):
    barrier = Barrier(WRITERS)

    def one(number):
        barrier.wait()
        try:
            return write(number)
        except PreconditionFailed as error:
            return error

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(one, range(WRITERS)))


def test_of_many_creators_one_wins_and_the_others_see_who(store):
    outcomes = at_once(lambda n: put(store, "x", MustNotExist(), f"t{n}"))
    [winner] = [o for o in outcomes if not isinstance(o, PreconditionFailed)]
    losers = [o for o in outcomes if isinstance(o, PreconditionFailed)]
    assert {loser.current_revision for loser in losers} == {1}
    assert {r.by for loser in losers for r in loser.since} == {winner.view.stored.updated_by}


def test_of_many_changers_one_wins_and_the_others_see_what_changed(store):
    put(store, "x", MustNotExist(), "start")
    outcomes = at_once(lambda n: put(store, "x", MustBeRevision(1), f"t{n}"))
    [winner] = [o for o in outcomes if not isinstance(o, PreconditionFailed)]
    for loser in (o for o in outcomes if isinstance(o, PreconditionFailed)):
        [since] = loser.since
        assert [(c.path, c.before, c.after) for c in since.changes] == [("team", "start", winner.view.stored.spec.team)]


def test_writers_of_different_objects_all_win_and_leave_no_gap(store):
    at_once(lambda n: [put(store, f"x{n}-{m}", MustNotExist(), "t") for m in range(3)])
    with store.read() as unit:
        changes = unit.changes.since(0, 1000)
        assert [c.sequence for c in changes] == list(range(1, 3 * WRITERS + 1))
        assert {c.name for c in changes} == set(unit.objects.names(Kind.OWNERS))


def test_no_bump_of_a_node_is_lost(store):
    def bump(_):
        with store.begin() as unit:
            return unit.nodes.bump("a")

    assert sorted(at_once(bump)) == list(range(1, WRITERS + 1))


def test_a_node_is_made_once(store):
    def ensure(_):
        with store.begin() as unit:
            return unit.nodes.ensure("a")

    assert at_once(ensure) == [1] * WRITERS
