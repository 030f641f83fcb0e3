"""What a verifier makes of the feed: gaps, replays, forgeries, silence and clocks that jump."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.verifying import Desk

from leasehold.model.revocations import BATCH_TYPE, REVOCATIONS_KEPT
from leasehold.verify import AccessRefused, Proof, Reason
from leasehold.verify.known import Gap
from leasehold.verify.refusals import Untrusted


@pytest.mark.parametrize("node", ["registry", "owner:alice", "agent:triage", "lease:l1"])
def test_a_token_dies_with_every_node_above_it(desk, node):
    ancestors = [("registry", 1), ("owner:alice", 1), ("agent:triage", 1)]
    token = desk.token("l1", *ancestors)
    assert desk.check(token).refused is None
    desk.hear(desk.batch(0, (node, 1 if node == "lease:l1" else 2)))
    receipt = desk.check(token)
    assert (receipt.refused, receipt.sequence) == (Reason.REVOKED, 1)
    assert desk.check(token, "read_file").refused is Reason.REVOKED


def test_a_token_issued_after_the_end_lives(desk):
    desk.hear(desk.batch(0, ("agent:triage", 2)))
    assert desk.check(desk.token("l1", ("agent:triage", 1))).refused is Reason.REVOKED
    assert desk.check(desk.token("l2", ("agent:triage", 2))).refused is None
    assert desk.check(desk.token("l3", ("agent:triage", 3))).refused is None


def test_a_dropped_event_is_noticed_by_the_next_batch_and_by_the_next_heartbeat(desk):
    for text in (desk.batch(1, ("agent:b", 1)), desk.batch(1)):
        with pytest.raises(Gap):
            desk.hear(text)
    assert desk.known.sequence == 0
    desk.pass_time(1.5)
    with pytest.raises(Gap):
        desk.hear(desk.batch(1))
    assert desk.verifier.staleness_ms() == 1500


def test_nothing_is_learnt_from_a_stream_before_a_snapshot(unheard):
    with pytest.raises(Gap):
        unheard.hear(unheard.batch(0))
    assert unheard.check(unheard.token()).refused is Reason.NOT_KNOWN_ALIVE


def test_a_replayed_batch_says_nothing_new_and_proves_nothing(desk):
    first, beat = desk.batch(0, ("agent:a", 5)), desk.batch(1)
    desk.hear(first)
    desk.hear(beat)
    desk.hear(desk.batch(1, ("agent:b", 1)))
    desk.pass_time(0.5)
    for replayed in (first, beat):
        desk.hear(replayed)
    assert desk.known.sequence == 2
    assert desk.verifier.staleness_ms() == 500
    assert desk.known.minimums == {"agent:a": 5, "agent:b": 1}


def test_an_old_heartbeat_of_the_same_sequence_is_as_old_as_it_says(desk):
    beat = desk.batch(0)
    desk.pass_time(20)
    desk.hear(beat)
    assert desk.verifier.staleness_ms() == 20_000
    assert desk.check(desk.token()).refused is Reason.NOT_KNOWN_ALIVE


def test_batches_that_overlap_lose_nothing_and_lower_nothing(desk):
    desk.hear(desk.batch(0, ("a", 5), ("b", 1)))
    desk.hear(desk.batch(1, ("b", 1), ("a", 6), ("c", 1)))
    desk.hear(desk.batch(4, ("a", 2)))
    assert desk.known.sequence == 5
    assert desk.known.minimums == {"a": 6, "b": 1, "c": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "https://github-mcp.example/mcp"},
        {"seq": 2},
        {"seq": 0},
        {"seq": -1},
        {"since": True},
        {"since": None},
        {"events": {"a": 1}},
        {"events": [["a"]]},
        {"events": [["a", -1]]},
        {"events": [["a", True]]},
        {"events": [[1, 1]]},
        {"at": None},
        {"at": 1.5},
    ],
)
def test_a_batch_of_a_wrong_shape_is_refused(desk, changes):
    with pytest.raises(Untrusted):
        desk.hear(desk.sign({**desk.batch_claims(0, ("a", 1)), **changes}, BATCH_TYPE))
    assert desk.known.minimums == {}


def test_a_forged_batch_is_refused(desk):
    text = desk.batch(0, ("a", 1))
    other = desk.batch(0, ("b", 1))
    header, claims, _ = text.split(".")
    for forged in (f"{header}.{claims}.{other.rpartition('.')[2]}", text[:-4] + "AAAA", "junk", ""):
        with pytest.raises(Untrusted):
            desk.hear(forged)
    assert desk.known.sequence == 0


def test_silence_ends_in_introspection_first_for_writes_then_for_reads_then_in_refusal(desk):
    token = desk.token()
    desk.pass_time(1.01)
    assert desk.check(token).refused is Reason.NOT_KNOWN_ALIVE
    assert desk.check(token, "read_file").proof is Proof.FEED
    desk.answers.active = True
    receipt = desk.check(token)
    assert (receipt.refused, receipt.proof) == (None, Proof.INTROSPECTION)
    assert receipt.staleness_ms == pytest.approx(1010)
    desk.answers.active = False
    assert desk.check(token).refused is Reason.REVOKED
    desk.pass_time(29)
    desk.answers.active = None
    assert desk.check(token, "read_file").refused is Reason.NOT_KNOWN_ALIVE


def test_a_tool_that_nobody_listed_counts_as_a_write(desk):
    desk.pass_time(2)
    token = desk.token(authorization_details=[{**desk.claims()["authorization_details"][0], "actions": ["*"]}])
    assert desk.check(token, "anything").refused is Reason.NOT_KNOWN_ALIVE
    assert desk.check(token, "read_file").refused is None


def test_what_is_known_to_be_dead_is_refused_without_asking(desk):
    desk.hear(desk.batch(0, ("agent:triage", 2)))
    desk.pass_time(10)
    desk.answers.active = True
    assert desk.check(desk.token("l1", ("agent:triage", 1))).refused is Reason.REVOKED
    assert desk.answers.asked == 0


def test_a_clock_set_back_wakes_no_expired_token(desk):
    token = desk.token()
    desk.pass_time(301)
    desk.hear(desk.batch(0))
    assert desk.check(token).refused is Reason.EXPIRED
    desk.wall -= 200
    assert desk.check(token).refused is Reason.EXPIRED


def test_a_clock_set_back_makes_no_old_knowledge_fresh(desk):
    desk.pass_time(5)
    desk.wall -= 3600
    assert desk.verifier.staleness_ms() == 5000
    with pytest.raises(Untrusted, match="not_yet_valid"):
        desk.hear(desk.batch(0, at=int((desk.wall + 3600) * 1000)))


def test_a_clock_set_forward_refuses_rather_than_opens(desk):
    token = desk.token()
    desk.wall += 3600
    assert desk.check(token).refused is Reason.EXPIRED
    beat = desk.batch(0, at=int((desk.wall - 3600) * 1000))
    desk.hear(beat)
    assert desk.verifier.staleness_ms() == 3_600_000


def test_statements_that_are_held_back_are_late_even_where_the_clock_hides_it(desk):
    """Our clock runs 20 seconds behind the issuer's: by it, a statement held back for 10 seconds still looks early."""
    desk.wall -= 20
    ahead = 20_000
    for _ in range(3):
        desk.pass_time(0.25)
        desk.hear(desk.batch(0, at=int(desk.wall * 1000) + ahead))
    assert desk.verifier.staleness_ms() == pytest.approx(0, abs=1)
    held_back = desk.batch(0, at=int(desk.wall * 1000) + ahead + 250)
    desk.pass_time(10)
    desk.hear(held_back)
    assert desk.verifier.staleness_ms() == pytest.approx(9750, abs=2)


def test_a_replica_whose_clock_is_behind_is_believed_but_makes_nothing_fresher(desk):
    desk.pass_time(1)
    desk.hear(desk.batch(0))
    desk.pass_time(0.25)
    desk.hear(desk.batch(0, ("agent:triage", 2), at=int((desk.wall - 2) * 1000)))
    assert desk.known.sequence == 1
    assert desk.verifier.staleness_ms() == pytest.approx(250)
    assert desk.check(desk.token()).refused is Reason.REVOKED


def test_a_snapshot_brings_nothing_back_to_life(desk):
    desk.hear(desk.batch(0, ("agent:triage", 2)))
    desk.known.start_over()
    desk.start(desk.snapshot(7, {"agent:other": 3}))
    assert desk.known.sequence == 7
    assert desk.check(desk.token("l1", ("agent:triage", 1))).refused is Reason.REVOKED
    assert desk.check(desk.token("l2", ("agent:other", 2))).refused is Reason.REVOKED


def test_an_old_snapshot_is_refused(desk):
    old = desk.snapshot(0, {})
    desk.pass_time(1)
    desk.hear(desk.batch(0, ("agent:triage", 2)))
    desk.known.start_over()
    with pytest.raises(Untrusted, match="expired"):
        desk.start(old)
    assert desk.known.sequence is None


def test_the_memory_of_a_verifier_does_not_grow_for_ever(desk):
    desk.hear(desk.batch(0, ("agent:a", 1), ("agent:b", 1)))
    desk.pass_time(REVOCATIONS_KEPT.total_seconds() - 1)
    desk.hear(desk.batch(2, ("agent:b", 2)))
    desk.pass_time(2)
    desk.hear(desk.batch(3))
    assert desk.known.minimums == {"agent:b": 2}


def test_a_coroutine_waits_for_the_issuer_in_a_thread(desk):
    token = desk.token()
    verifier = desk.verifier
    assert asyncio.run(verifier.check_async(token, "comment", "repo:web")).proof is Proof.FEED
    assert asyncio.run(verifier.check_async(token, "comment", "repo:web")).proof is Proof.FEED
    desk.pass_time(9)
    with pytest.raises(AccessRefused):
        asyncio.run(verifier.check_async(token, "comment", "repo:web"))


NODES = ["registry", "agent:a", "agent:b", "lease:l0", "lease:l1"]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("bump"), st.sampled_from(NODES)),
        st.tuples(st.just("tell"), st.integers(0, 4)),
        st.tuples(st.just("lose"), st.integers(1, 3)),
        st.tuples(st.just("replay"), st.integers(0, 30)),
        st.tuples(st.just("snapshot"), st.just(0)),
        st.tuples(st.just("issue"), st.integers(0, 1)),
        st.tuples(st.just("sleep"), st.integers(1, 900)),
    ),
    max_size=30,
)


class Schedule:
    """An issuer's stream, and a verifier that hears of it whole, in pieces, twice, late or not at all."""

    def __init__(self, desk):
        self.desk = desk
        self.generations = {"registry": 1, "agent:a": 1, "agent:b": 1}
        self.stream, self.told_to, self.said, self.tokens = [], 0, [], []

    def bump(self, node):
        self.generations[node] = self.generations.get(node, 0) + 1
        self.stream.append((node, self.generations[node]))

    def issue(self, number):
        nodes = [("registry", self.generations["registry"]), ("agent:a", self.generations["agent:a"])]
        if f"lease:l{number}" not in self.generations:
            self.tokens.append((self.desk.token(f"l{number}", *nodes), [*nodes, (f"lease:l{number}", 0)]))

    def tell(self, count):
        self.said.append(self.desk.batch(self.told_to, *self.stream[self.told_to : self.told_to + count]))
        self.told_to = min(self.told_to + count, len(self.stream))
        self.hear(self.said[-1])

    def lose(self, count):
        self.told_to = min(self.told_to + count, len(self.stream))

    def replay(self, number):
        if self.said:
            self.hear(self.said[number % len(self.said)])

    def hear(self, text):
        try:
            self.desk.hear(text)
        except Gap:
            self.told_to = self.desk.known.sequence  # the follower comes back from where it was

    def snapshot(self, _):
        lowest = {}
        for node, generation in self.stream:
            lowest[node] = max(generation, lowest.get(node, 0))
        self.desk.start(self.desk.snapshot(len(self.stream), lowest))
        self.told_to = len(self.stream)

    def sleep(self, milliseconds):
        self.desk.pass_time(milliseconds / 1000)

    def check(self):
        heard = self.stream[: self.desk.known.sequence]
        for token, nodes in self.tokens:
            carried = dict(nodes)
            dead = any(generation > carried.get(node, generation) for node, generation in heard)
            if self.desk.check(token).refused is None:
                assert not dead
            elif not dead and self.desk.verifier.staleness_ms() < 1000:
                raise AssertionError("a living token was refused on fresh knowledge")


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_no_schedule_makes_a_verifier_accept_what_ended_before_its_sequence(signer, steps):
    desk = Desk(signer)
    desk.start(desk.snapshot(0, {}))
    schedule = Schedule(desk)
    for number in (0, 1):
        schedule.issue(number)
    for action, argument in steps:
        getattr(schedule, action)(argument)
        schedule.check()


def test_what_has_ended_is_what_has_a_minimum_at_any_time(desk):
    for turn, name in enumerate("abcab", start=1):
        desk.hear(desk.batch(turn - 1, (name, turn)))
        assert desk.known.ended == desk.known.minimums.keys()
        desk.pass_time(200)
    desk.start(desk.snapshot(9, {"d": 4}))
    assert desk.known.ended == desk.known.minimums.keys() >= {"d"}
    desk.pass_time(REVOCATIONS_KEPT.total_seconds() + 1)
    desk.hear(desk.batch(9, ("e", 1)))
    assert desk.known.ended == desk.known.minimums.keys() == {"e"}
