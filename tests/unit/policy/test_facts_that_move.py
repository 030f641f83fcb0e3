"""Facts that policies look at: whom and what a change of theirs lets do more, against every call there is."""

from itertools import islice

import pytest
from tests.policy_fuzz.facts import AGENTS, AT, calls, pairs

from leasehold.model.access_requests import AccessRequest
from leasehold.model.entities import Entity, EntityRef
from leasehold.policy.cedar.known import Known
from leasehold.policy.deciding import decision_on
from leasehold.policy.proving.comparing import Comparison, Movement
from leasehold.policy.proving.questions import Holder
from leasehold.policy.proving.witnesses import Witness, supposed_in_words
from leasehold.policy.registered import publish_registered

ACTION = "files/read"
WIDER, NARROWER = {Movement.WIDENS, Movement.BOTH}, {Movement.NARROWS, Movement.BOTH}


def proofs(comparison, agent):
    holder = Holder(EntityRef("agent", agent))
    if not comparison.unchanged(ACTION, holder):
        yield comparison.of_agent(ACTION, holder)
    for matter in comparison.matters(ACTION, holder):
        yield comparison.of_matter(ACTION, holder, matter)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_moves_is_told_and_whatever_is_told_moves(seed):
    told = moved = 0
    for pair in islice(pairs(seed), 15):
        old, new = publish_registered(pair.old), publish_registered(pair.new)
        comparison = Comparison(old, new, AT)
        found = {agent: list(proofs(comparison, agent)) for agent in AGENTS}
        for call in calls():
            was, now = decision_on(call, old).allowed, decision_on(call, new).allowed
            if was == now:
                continue
            moved += 1
            movements = {one.movement for one in found[call.subject.ref.id]}
            assert movements & (WIDER if now else NARROWER) or Movement.UNPROVEN in movements
            told += Movement.UNPROVEN not in movements
        assert all(one.widening is not None for several in found.values() for one in several if one.movement in WIDER)
    assert 0 < told <= moved


def test_what_a_call_supposes_is_said_in_backticks_that_nothing_gets_out_of():
    group = EntityRef("group", "x`<img src=q>`@acme")
    request = AccessRequest(
        subject=Entity(ref=EntityRef("agent", "bot")),
        action=ACTION,
        resource=Entity(ref=EntityRef("doc", "a`b"), attributes={"pub`lic": True}),
        at=AT,
        user=Entity(ref=EntityRef("user", "ana"), parents=frozenset({group})),
    )
    supposed = {EntityRef("doc", "c`d"): Known({}, frozenset({group}))}
    for said in supposed_in_words(Witness(request=request, supposed=supposed)):
        assert said.count("`") % 2 == 0
        assert "<img" not in "".join(said.split("`")[::2])
