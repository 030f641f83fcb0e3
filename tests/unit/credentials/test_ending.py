"""What loses its lease dies, however often it takes; what cannot be killed says until when it lives."""

from datetime import timedelta

import pytest
from tests.fakes.credential_world import CredentialWorld, still_live

from leasehold.credentials.ending import KEPT
from leasehold.model.external import CredentialState, Ending, Sealed
from leasehold.model.leases import REGISTRY, agent_node, deployment_node, owner_node


def actions(world):
    return [(e.action, e.outcome.value) for e in world.world.events() if e.kind == "credentials"]


@pytest.mark.parametrize("node", [agent_node("triage"), owner_node("alice"), deployment_node("triage-prod"), REGISTRY])
def test_any_node_above_the_lease_ends_it(world, node):
    world.draw("orders")
    world.look()
    assert world.source.alive
    world.world.bump(node)
    world.look()
    assert not world.source.alive
    assert world.record().state is CredentialState.CLEARED


def test_a_token_given_back_ends_what_was_drawn_with_it(world):
    token = world.token()
    world.draw("orders", token)
    world.world.revoke(token)
    world.look()
    assert not world.source.alive


def test_a_lease_that_runs_out_ends_it(world):
    world.draw("orders")
    world.world.later(seconds=299)
    world.look()
    assert world.source.alive
    world.world.later(seconds=1)
    world.look()
    assert not world.source.alive


def test_it_is_tried_again_until_it_is_certain(world):
    world.draw("orders")
    world.world.bump(agent_node("triage"))
    world.source.kill_fails = still_live()
    for attempts in range(1, 6):
        world.look()
        assert (world.record().state, world.record().attempts) == (CredentialState.ENDING, attempts)
        world.look()  # not before its time
        assert world.record().attempts == attempts
        world.world.later(seconds=61)
    assert actions(world).count(("end", "error")) == 1  # said once, not five times
    world.source.kill_fails = None
    world.look()
    assert world.record().state is CredentialState.CLEARED


def test_a_login_is_never_believed_dead_because_time_has_passed(world):
    world.draw("orders")
    world.source.kill_fails = still_live()
    world.world.later(days=3)
    world.look()
    assert world.record().state is CredentialState.ENDING
    assert world.source.alive


def test_leftovers_are_taken_away_later(world):
    world.draw("orders")
    world.source.clear_fails = still_live("role owns objects")
    world.world.bump(agent_node("triage"))
    world.look()
    assert (world.record().state, world.record().problem) == (CredentialState.ENDED, "role owns objects")
    world.source.clear_fails = None
    world.world.later(seconds=600)
    world.look()
    assert world.record().state is CredentialState.CLEARED


def test_what_cannot_be_killed_says_until_when_it_lives(world):
    issued = world.draw("vault")
    world.world.bump(agent_node("triage"))
    world.look()
    assert world.record().state is CredentialState.EXPIRING
    assert world.record().live_until == issued.expires_at
    assert actions(world)[0] == ("end-later", "ok")
    world.world.later(seconds=301)
    world.look()
    assert world.record().state is CredentialState.CLEARED


def test_a_token_that_was_lost_on_the_way_lives_until_its_expiry(world):
    issued = world.draw("github")
    with world.store.begin() as unit:
        lost = unit.credentials.find(issued.record.id)
        unit.credentials.replace(type(lost)(**{**{f: getattr(lost, f) for f in lost.__slots__}, "sealed": None}))
    world.world.bump(agent_node("triage"))
    world.look()
    assert (world.record().ending, world.record().state) == (Ending.DELETE_TOKEN, CredentialState.EXPIRING)


def test_a_token_is_deleted_with_what_was_sealed_and_that_is_forgotten_then(world):
    world.draw("github")
    assert world.record().sealed
    world.world.bump(agent_node("triage"))
    world.look()
    assert world.source.kills[0][1] == "swordfish"
    assert world.record().sealed is None


def test_a_seal_of_another_key_or_record_is_not_opened(world):
    world.draw("github")
    sealed = world.record().sealed
    world.world.bump(agent_node("triage"))
    for forged in (Sealed("AAAA"), sealed):
        about = "another" if forged is sealed else world.record().id
        with pytest.raises(Exception, match="sealed with another key"):
            world.sealer.unseal(forged, about)


def test_the_key_of_the_seal_is_for_this_user_alone(world, tmp_path):
    assert (tmp_path / "sealing.key").stat().st_mode & 0o777 == 0o600


def test_a_server_that_stopped_in_between_leaves_nothing_alive(world, tmp_path):
    class PowerCut(BaseException):
        pass

    def cut():
        world.store.away = True
        raise PowerCut

    world.source.during = lambda: world.source.alive.update({world.record().reference: "swordfish"}) or cut()
    with pytest.raises(BaseException):  # noqa: B017, PT011  the store is gone as well
        world.draw("orders")
    world.store.away = False
    assert world.record().state is CredentialState.MINTING
    world.look()
    assert world.source.alive  # it could still be under way
    world.world.later(seconds=61)
    world.look()  # another server, or the same one restarted: all it needs is on record
    assert not world.source.alive


def test_a_restarted_worker_goes_on_where_the_old_one_was(world, tmp_path):
    world.draw("orders")
    world.world.bump(agent_node("triage"))
    world.source.kill_fails = still_live()
    world.look()
    again = CredentialWorld.__new__(CredentialWorld)
    again.__dict__.update(world.__dict__)
    again.endings = type(world.endings)(
        store=world.store, sources=world.desk.sources, sealer=world.sealer, clock=lambda: world.world.now
    )
    world.source.kill_fails = None
    world.world.later(seconds=61)
    again.look()
    again.endings.close()
    assert world.record().state is CredentialState.CLEARED


def test_of_two_workers_one_takes_it(world):
    world.draw("orders")
    world.world.bump(agent_node("triage"))
    first, second = world.endings.look(), world.endings.look()
    assert len(first) + len(second) == 1
    for one in (*first, *second):
        one.result()
    assert len(world.source.kills) == 1


def test_what_is_dead_and_gone_is_forgotten_after_a_day(world):
    world.draw("orders")
    world.world.bump(agent_node("triage"))
    world.look()
    world.world.later(seconds=(KEPT + timedelta(minutes=10)).total_seconds())
    world.look()
    assert not world.records()
