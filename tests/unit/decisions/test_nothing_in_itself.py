"""Groups, folders, roles that would be in themselves: Cedar knows none, so none is written, and none is decided on."""

import pytest
from tests.fakes.decision_world import entity, facts
from tests.fakes.registry import path

from leasehold.policy.cedar.mapping import ValueRefused


def member(below, above):
    return "relations", f"{above}#member@{below}", {"subject": below, "relation": "member", "object": above}


def folder(id_, *parents):
    return "resources", f"folder-{id_}", {"type": "folder", "foreign_id": id_, "parents": list(parents)}


@pytest.mark.parametrize(
    ("standing", "last", "said"),
    [
        ([], member("group:a", "group:a"), "`group:a` is in `group:a` already"),
        ([member("group:a", "group:b")], member("group:b", "group:a"), "`group:a` is in `group:b` already"),
        (
            [member("group:a", "role:b"), member("role:b", "team:c")],
            member("team:c", "group:a"),
            "`group:a` is in `team:c` already",
        ),
        ([folder("a", "folder:b")], folder("b", "folder:c", "folder:a"), "`folder:a` is in `folder:b` already"),
        ([folder("a", "group:b")], member("group:b", "group:c"), None),
        ([member("user:ana", "group:a"), member("user:ana", "group:b")], member("group:a", "group:b"), None),
    ],
)
def test_what_would_be_in_itself_is_not_written(world, standing, last, said):
    *before, answer = [
        world.call("PUT", path(kind, name), json=body, headers={"If-None-Match": "*"})
        for kind, name, body in (*standing, last)
    ]
    assert {one.status_code for one in before} <= {201}
    assert answer.status_code == (201 if said is None else 422), answer.text
    assert said is None or said in answer.text


def test_what_is_in_itself_all_the_same_is_not_decided_on():
    """A database of an older version may hold it: as with attributes that contradict, there is nothing to decide on."""
    round_ = [
        entity("group", "a", ("group", "b")),
        entity("group", "b", ("group", "c")),
        entity("group", "c", ("group", "a")),
    ]
    with pytest.raises(ValueRefused, match="is in itself"):
        facts(entities=[entity("user", "ana", ("group", "a"), ("group", "z")), *round_])


def test_groups_in_groups_are_closed_however_deep():
    chain = [entity("group", str(n), ("group", str(n + 1)), ("group", "top")) for n in range(300)]
    known = facts(entities=[entity("user", "ana", ("group", "0")), *chain]).known
    assert max(len(one.ancestors) for one in known.values()) == 302
