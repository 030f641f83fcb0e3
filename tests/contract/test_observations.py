"""What tool servers were seen to show, in every store."""

from datetime import timedelta

import pytest
from tests.contract.samples import NOW

from leasehold.model.observations import KEPT, Marked, Observation
from leasehold.model.tool_surfaces import surface_of

HIDDEN = {"name": "b", "description": "\u202eé \U0001f600"}


def observed(server="github", tools=({"name": "a"},), at=NOW, **more):
    return Observation(
        server=server, surface=surface_of(list(tools), "Be brief."), first_at=at, last_at=at, by="gateway", **more
    )


def test_nothing_was_seen_of_a_server_at_first(store):
    with store.read() as unit:
        assert (unit.observations.latest(["github"]), unit.observations.marks()) == ({}, {})


def test_the_newest_of_each_server_comes_back_as_it_was(store):
    unreadable = observed(tools=[HIDDEN, {"name": "deep", "description": "\ud800"}], at=NOW + timedelta(seconds=1))
    refused = observed("jira", tools=[], problem="a tool is listed twice")
    with store.begin() as unit:
        for one in (observed(), unreadable, refused):
            unit.observations.put(one)
    with store.read() as unit:
        assert unit.observations.latest(["github", "jira", "slack"]) == {"github": unreadable, "jira": refused}
        assert unit.observations.marks()["github"] == Marked(digest=unreadable.digest, last_at=unreadable.last_at)
    assert unreadable.surface.unreadable.keys() == {"deep"}


def test_what_comes_back_is_the_newest_and_keeps_when_it_was_seen_first(store):
    later = [NOW + timedelta(seconds=at) for at in range(3)]
    with store.begin() as unit:
        unit.observations.put(observed(at=later[0]))
        unit.observations.put(observed(tools=[HIDDEN], at=later[1]))
        unit.observations.put(observed(at=later[2]))
    with store.read() as unit:
        found = unit.observations.latest(["github"])["github"]
    assert (found.first_at, found.last_at) == (later[0], later[2])


def test_a_server_that_shows_something_else_each_time_fills_no_disk(store):
    with store.begin() as unit:
        for at in range(KEPT + 5):
            unit.observations.put(observed(tools=[{"name": f"t{at}"}], at=NOW + timedelta(seconds=at)))
        unit.observations.put(observed("jira", at=NOW))
    with store.begin() as unit:
        unit.observations.put(observed(tools=[{"name": "t0"}], at=NOW + timedelta(hours=1)))
    with store.read() as unit:
        assert unit.observations.latest(["github"])["github"].first_at == NOW + timedelta(hours=1)  # it was forgotten
        assert unit.observations.latest(["jira"]).keys() == {"jira"}


def test_what_is_broken_off_is_not_remembered(store):
    def broken_off():
        with store.begin() as unit:
            unit.observations.put(observed())
            raise RuntimeError("broken off")

    with pytest.raises(RuntimeError):
        broken_off()
    with store.read() as unit:
        assert unit.observations.latest(["github"]) == {}


def test_of_two_that_were_seen_at_one_instant_the_one_written_last_is_the_newest(store):
    for tools in ([{"name": "a"}], [{"name": "b"}], [{"name": "a"}]):
        with store.begin() as unit:
            unit.observations.put(observed(tools=tools))
        with store.read() as unit:
            assert unit.observations.latest(["github"])["github"].surface.names == {tools[0]["name"]}
