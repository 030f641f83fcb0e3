"""A cluster is followed: what is gone ends, once, whatever happens on the way."""

import asyncio
from contextlib import aclosing

import pytest
from tests.unit.clusters.conftest import ISSUER, NOW, PODS, Scene

from leasehold.clusters.following import LIST_EVERY, LONGEST_PAUSE, SHORTEST_PAUSE
from leasehold.model.workloads import STALE_SECONDS, ClusterSilent, Sighting, Standing, Workload


def test_a_pod_that_is_deleted_ends_with_what_it_held(scene):
    pod = scene.pod()
    scene.round()
    assert (scene.generation(pod), scene.sightings.standing(pod)) == (1, Standing.STANDS)

    scene.cluster.delete(PODS, "triage-1")
    scene.round()

    assert (scene.generation(pod), scene.sightings.standing(pod)) == (2, Standing.GONE)
    assert scene.told() == [(pod.node, 2)]
    with scene.store.read() as unit:
        (event,) = unit.audit.list(kind="workloads")
    assert (event.event.principal, event.event.reason, event.event.at) == ("cluster:prod", "deleted", NOW)


def test_a_pod_ends_when_its_deletion_begins_and_once_only(scene):
    pod = scene.pod()
    scene.round()
    scene.cluster.begin_deletion(PODS, "triage-1")
    scene.round()
    assert scene.generation(pod) == 2

    scene.cluster.delete(PODS, "triage-1")
    scene.round()
    assert scene.told() == [(pod.node, 2)]


def test_a_pod_made_anew_under_the_same_name_is_another(scene):
    old = scene.pod()
    scene.round()
    scene.cluster.delete(PODS, "triage-1")
    new = scene.pod()
    scene.round()

    assert (scene.generation(old), scene.generation(new)) == (2, 1)
    assert [scene.sightings.standing(pod) for pod in (old, new)] == [Standing.GONE, Standing.STANDS]


def test_a_change_of_a_pod_ends_nothing(scene):
    pod = scene.pod()
    scene.round()
    scene.cluster.touch(PODS, "triage-1")
    scene.round()
    assert scene.generation(pod) == 1
    assert scene.told() == []


def test_a_pod_on_which_nothing_hangs_leaves_no_trace(scene):
    pod = scene.pod(holds=False)
    scene.round()
    scene.cluster.delete(PODS, "triage-1")
    scene.round()
    assert scene.generation(pod) is None
    assert scene.told() == []


def test_a_watch_goes_on_where_the_last_one_ended(scene):
    scene.pod()
    scene.round(2)
    scene.cluster.touch(PODS, "triage-1")
    scene.round(2)
    assert scene.cluster.asked == ["list", "watch 101", "watch 101", "watch 101", "watch 102"]


def test_what_vanished_while_nobody_looked_ends_with_the_list(scene):
    gone, alive = scene.pod("triage-1"), scene.pod("triage-2")
    scene.cluster.delete(PODS, "triage-1")
    scene.round()
    assert (scene.generation(gone), scene.generation(alive)) == (2, 1)
    assert scene.told() == [(gone.node, 2)]


def test_a_pod_of_another_cluster_does_not_end_with_the_list(scene):
    other = Workload("prod-2", PODS, "6f1c1")
    with scene.store.begin() as unit:
        unit.nodes.ensure(other.node)
    scene.round()
    assert scene.generation(other) == 1


def test_after_410_everything_is_listed_anew_and_what_vanished_between_ends(scene):
    pod = scene.pod()
    scene.round()
    scene.cluster.delete(PODS, "triage-1")
    scene.cluster.forget()
    scene.round()
    assert scene.generation(pod) == 1
    assert scene.pauses == [SHORTEST_PAUSE]  # after the watch, which was short; not before the list

    scene.round()
    assert scene.generation(pod) == 2
    assert scene.cluster.asked[-2:] == ["list", "watch 102"]


def test_an_event_that_nobody_understands_leads_to_a_list(scene):
    pod = scene.pod()
    scene.round()
    scene.cluster.garbled = True
    scene.round()
    scene.cluster.garbled = False
    scene.cluster.delete(PODS, "triage-1")
    scene.round()
    assert scene.cluster.asked[-2] == "list"
    assert scene.generation(pod) == 2


def test_a_watch_that_hears_nothing_of_what_happens_is_found_out_by_the_next_list(scene):
    pod = scene.pod()
    scene.round()
    scene.cluster.restore(version=50)  # from a backup: versions start over, below the one that we watch from
    scene.cluster.delete(PODS, "triage-1")
    scene.round()
    assert scene.generation(pod) == 1

    scene.now += LIST_EVERY
    scene.round()
    assert scene.generation(pod) == 2


def test_while_the_api_server_is_away_pauses_grow_and_nothing_ends(scene):
    pod = scene.pod()
    scene.round()
    scene.pauses.clear()
    scene.cluster.unreachable = True
    scene.round(10)
    assert scene.pauses[:3] == [SHORTEST_PAUSE, SHORTEST_PAUSE * 2, SHORTEST_PAUSE * 4]
    assert scene.pauses[-1] == LONGEST_PAUSE
    assert scene.generation(pod) == 1


def test_after_the_second_failure_in_a_row_everything_is_listed_anew(scene):
    scene.round()
    scene.cluster.unreachable = True
    scene.round(2)
    scene.cluster.unreachable = False
    scene.round()
    assert scene.cluster.asked == ["list", "watch 100", "watch 100", "watch 100", "list", "watch 100"]


def test_a_cluster_that_was_not_heard_of_for_long_is_not_believed(scene):
    pod = scene.pod()
    assert scene.sightings.standing(pod) is Standing.UNHEARD
    scene.round()
    scene.monotonic += STALE_SECONDS
    assert scene.sightings.standing(pod) is Standing.STANDS
    scene.monotonic += 1
    assert scene.sightings.standing(pod) is Standing.UNHEARD
    scene.round()
    assert scene.sightings.standing(pod) is Standing.STANDS


def test_what_could_not_be_ended_is_ended_when_the_database_is_back(scene):
    pod = scene.pod()
    scene.round()
    scene.cluster.delete(PODS, "triage-1")
    scene.broken = True
    scene.round()
    assert scene.generation(pod) == 1
    assert scene.sightings.standing(pod) is Standing.GONE  # nothing new is issued meanwhile

    scene.broken = False
    scene.round()
    assert scene.generation(pod) == 2


def test_two_servers_end_a_pod_once():
    first = Scene()
    second = Scene(store=first.store, cluster=first.cluster)
    pod = first.pod()
    first.round()
    second.round()
    first.cluster.delete(PODS, "triage-1")
    first.round()
    second.round()
    assert first.told() == [(pod.node, 2)]
    assert second.sightings.standing(pod) is Standing.GONE


def test_a_pod_that_another_server_learns_of_during_a_list_does_not_end():
    """What stands is read before the list: a pod younger than the list's version is not in question."""

    class Slow(Scene):
        def __init__(self):
            super().__init__()
            answer = self.cluster.list

            async def list_(issuer, kind):
                listing = await answer(issuer, kind)
                self.young = self.pod("triage-2")  # created, seen and leased by others while the answer is on its way
                return listing

            self.cluster.list = list_

    scene = Slow()
    scene.round()
    assert scene.generation(scene.young) == 1


def test_many_that_go_at_once_end_together(scene):
    pods = [scene.pod(f"triage-{n}") for n in range(450)]
    for n in range(450):
        scene.cluster.delete(PODS, f"triage-{n}")
    scene.round()
    assert {scene.generation(pod) for pod in pods} == {2}
    assert len(scene.told()) == 450


@pytest.mark.parametrize("error", [RuntimeError("a bug"), ClusterSilent("no answer")])
def test_a_follower_survives_whatever_stops_a_watch(scene, error):
    pod = scene.pod()
    scene.round()

    async def broken(_issuer, _kind, _version):
        raise error
        yield

    whole, scene.cluster.watch = scene.cluster.watch, broken
    scene.round()
    scene.cluster.watch = whole
    scene.cluster.delete(PODS, "triage-1")
    scene.round()
    assert scene.generation(pod) == 2


def test_a_watch_that_is_left_is_closed(scene):
    closed, came = [], asyncio.Event()

    async def endless(_issuer, _kind, _version):
        try:
            yield Sighting(None, present=True, version="7")
            came.set()
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    scene.cluster.watch = endless

    async def cancelled():
        running = asyncio.create_task(scene.follower.run())
        await came.wait()
        running.cancel()
        await asyncio.wait([running])

    asyncio.run(cancelled())
    assert closed == [True]


def test_the_fake_cluster_closes_too(scene):
    async def first():
        async with aclosing(scene.cluster.watch(ISSUER, PODS, "100")) as watch:
            return await anext(watch)

    assert asyncio.run(first()) == Sighting(None, present=True, version="100")
