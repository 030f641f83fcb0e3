"""What somebody who owns the database, or an export, does to the trail; whoever verifies has the public key alone."""

import json

import pytest
from tests.fakes.trail_world import NAME, TrailWorld, event

from leasehold.keys.trail_keys import TrailKey
from leasehold.model.trail.checkpoints import InvalidNote, TreeHead, signed
from leasehold.model.trail.heads import TrailHead, extend
from leasehold.model.trail.queries import facets_of
from leasehold.model.trail.records import record_bytes
from leasehold.model.trail.tree import Frontier
from leasehold.verify.trail import TrailKeyring, verify_trail


@pytest.fixture
def world(tmp_path):
    made = TrailWorld(tmp_path)
    made.grow(40)
    return made


def line_of(lines, position):
    """The index of an event's line."""
    return next(at for at, line in enumerate(lines) if b'"position":%d,' % position in line)


def changed(line):
    return line.replace(b'"outcome":"denied"', b'"outcome":"ok"').replace(b"read_file", b"read_fila")


def forged(world, records, checkpoints_from):
    """An export whose chain and tree are computed anew from `records`, under the old checkpoints."""
    lines = checkpoints_from[:1]
    notes = {}
    for line in checkpoints_from:
        if line.startswith(b'{"checkpoint"'):
            notes[int(json.loads(line)["checkpoint"].split("\n")[1])] = line
    previous = bytes(32)
    for position, one in enumerate(extend(TrailHead(), records, [facets_of(one.event) for one in records]).sealed):
        record = record_bytes(one.record, position, previous, one.seal.about)
        lines.append(b'{"leaf":"%b","record":%b}\n' % (one.seal.leaf.hex().encode(), record))
        previous = one.seal.leaf
        if position + 1 in notes:
            lines.append(notes[position + 1])
    return lines


def records_of(world):
    with world.store.read() as unit:
        return [one.record for one in unit.trail.range(0, 10**6)]


def test_a_trail_that_nobody_touched_is_whole(world):
    verdict = world.verify(world.export())
    assert verdict.whole
    assert verdict.first_bad is None
    assert (verdict.start, verdict.end, verdict.checkpoints, verdict.pruned) == (0, 40, 4, 0)


def test_an_empty_trail_is_whole(tmp_path):
    world = TrailWorld(tmp_path)
    lines = [b'{"end":0,"format":"leasehold-audit/1","origin":"%b","peaks":[],"previous":"%b","start":0}\n'
             % (NAME.encode(), b"00" * 32)]  # fmt: skip
    assert world.verify(lines).whole


@pytest.mark.parametrize("position", [0, 4, 9, 10, 24, 39])
def test_edit_of_an_event(world, position):
    lines = world.export()
    at = line_of(lines, position)
    lines[at] = changed(lines[at])
    verdict = world.verify(lines)
    assert verdict.first_bad == position
    assert verdict.problems[0].what == "the event was changed"
    assert verdict.problems[0].line == at + 1


@pytest.mark.parametrize("position", [0, 4, 24, 38])
def test_edit_of_an_event_and_of_its_hash(world, position):
    lines = world.export()
    records = records_of(world)
    other = event(position, reason="nothing happened here")
    records[position] = type(records[position])(records[position].sequence, other)
    again = forged(world, records, lines)
    lines[line_of(lines, position)] = again[line_of(again, position)]
    verdict = world.verify(lines)
    assert verdict.first_bad == position
    assert verdict.problems[0].what == "the event was changed"


@pytest.mark.parametrize("position", [0, 14, 39])
def test_edit_of_an_event_with_everything_behind_it_computed_anew_is_told_by_its_stretch(world, position):
    records = records_of(world)
    records[position] = type(records[position])(records[position].sequence, event(position, reason="no"))
    verdict = world.verify(forged(world, records, world.export()))
    problem = verdict.problems[0]
    assert verdict.first_bad <= position <= problem.last
    assert problem.last - verdict.first_bad < 10


@pytest.mark.parametrize("position", [0, 5, 9, 20, 39])
def test_deletion_of_an_event_leaves_a_gap(world, position):
    lines = world.export()
    del lines[line_of(lines, position)]
    verdict = world.verify(lines)
    assert verdict.first_bad == position
    assert "missing" in verdict.problems[0].what


@pytest.mark.parametrize("position", [0, 5, 20])
def test_deletion_of_an_event_with_everything_behind_it_computed_anew(world, position):
    records = records_of(world)
    del records[position]
    verdict = world.verify(forged(world, records, world.export()))
    assert not verdict.whole
    assert verdict.first_bad // 10 == position // 10


def test_reordering_of_two_events(world):
    lines = world.export()
    first, second = line_of(lines, 13), line_of(lines, 17)
    lines[first], lines[second] = lines[second], lines[first]
    verdict = world.verify(lines)
    assert verdict.first_bad == 13
    assert verdict.problems[0].what == "event 17 stands at this place"


@pytest.mark.parametrize("position", [0, 12, 30])
def test_insertion_of_an_event_that_never_was(world, position):
    lines = world.export()
    records = records_of(world)
    records.insert(position, type(records[0])(999, event(position, reason="planted")))
    again = forged(world, records, lines)
    planted = again[line_of(again, position)]
    lines.insert(line_of(lines, position), planted)
    verdict = world.verify(lines)
    assert verdict.first_bad == position
    assert verdict.problems[0].what == "the event was put in"


def test_insertion_of_an_event_a_second_time(world):
    lines = world.export()
    at = line_of(lines, 22)
    lines.insert(at, lines[at])
    assert world.verify(lines).first_bad in {22, 23}


@pytest.mark.parametrize("left", [1, 5, 12, 25])
def test_truncation_behind_a_checkpoint_or_between_two(world, left):
    lines = world.export()[:-left]
    verdict = world.verify(lines)
    assert not verdict.whole
    assert "cut off" in verdict.problems[0].what


def test_truncation_that_forges_the_first_line_too_is_told_by_a_checkpoint_from_elsewhere(world):
    whole, short = world.export(), world.export(0, 20)
    assert world.verify(short).whole
    anchored = world.checkpoints()[-1]
    verdict = world.verify(short, known=(anchored,))
    assert verdict.first_bad == 20
    assert "a known checkpoint speaks of 40 events" in verdict.problems[0].what
    assert world.verify(whole, known=(anchored,)).whole


def another(tmp_path, world, count=40):
    """A trail by the same key that says something else."""
    fork = TrailWorld(tmp_path / "fork")
    fork.key = world.key
    fork.sealer = type(fork.sealer)(fork.store, world.key, lambda: fork.now)
    fork.write(event(0, reason="another history"))
    fork.grow(count - 1, every=count)
    return fork


def test_fork_two_checkpoints_of_one_size(tmp_path, world):
    fork = another(tmp_path, world)
    lines = world.export()
    verdict = world.verify([*lines, fork.export()[-1]])
    assert "forked" in verdict.problems[0].what
    theirs = fork.checkpoints()[-1]
    verdict = world.verify(lines, known=(theirs,))
    assert "forked" in verdict.problems[0].what
    assert verdict.first_bad == 39


def test_fork_between_two_checkpoints_that_are_both_from_elsewhere(tmp_path, world):
    theirs, ours = another(tmp_path, world).checkpoints()[-1], world.checkpoints()[-1]
    with pytest.raises(InvalidNote, match="size 40 differ"):
        world.verify(world.export(), known=(ours, theirs))


def test_replaced_key(tmp_path, world):
    thief = TrailKey(tmp_path / "thief.key", NAME)
    lines = []
    frontier = Frontier()
    for line in world.export():
        if line.startswith(b'{"leaf"'):
            frontier.append(bytes.fromhex(line[9:73].decode()))
        if line.startswith(b'{"checkpoint"'):
            line = json.dumps({"checkpoint": thief.checkpoint(frontier.size, frontier.root())}).encode()  # noqa: PLW2901
        lines.append(line)
    verdict = world.verify(lines)
    assert verdict.problems[0].what == "the checkpoint is not signed with the key"
    assert verdict.first_bad == 0
    assert verify_trail([lines], TrailKeyring(thief.verifier_key)).whole


def test_a_signature_by_the_key_over_something_else_is_none(world):
    lines = world.export()
    at = next(n for n, line in enumerate(lines) if line.startswith(b'{"checkpoint"'))
    note = json.loads(lines[at])["checkpoint"]
    text, _, rest = note.partition("\n10\n")
    lines[at] = json.dumps({"checkpoint": f"{text}\n11\n{rest}"}).encode()
    assert world.verify(lines).problems[0].what == "the checkpoint is not signed with the key"


def test_a_checkpoint_of_another_log_by_the_same_key_is_none(world):
    lines = world.export()
    frontier = Frontier()
    for line in lines[1:11]:
        frontier.append(bytes.fromhex(line[9:73].decode()))
    head = TreeHead("another.example/log", 10, frontier.root())
    signature = world.key._private.sign(head.text().encode())
    note = signed(head, NAME, world.key._private.public_key().public_bytes_raw(), signature)
    lines[11] = json.dumps({"checkpoint": note}).encode()
    assert world.verify(lines).problems[0].what == "the checkpoint is not signed with the key"


def test_replay_of_an_old_checkpoint(world):
    lines = world.export()
    old = next(line for line in lines if line.startswith(b'{"checkpoint"'))
    verdict = world.verify([*lines[:-1], old])
    assert not verdict.whole
    verdict = world.verify([*lines, old])
    assert verdict.problems[0].what == "an old checkpoint came again"


def test_an_event_moved_from_one_segment_to_another(world):
    first, second = world.export(0, 20), world.export(20, 40)
    assert world.verify(first, second).whole
    moved = first.pop(line_of(first, 7))
    verdict = world.verify(first, [*second[:5], moved, *second[5:]])
    assert verdict.first_bad == 7
    verdict = world.verify(world.export(0, 20), [*second[:5], moved, *second[5:]])
    assert verdict.first_bad == 24


def test_segments_in_the_wrong_order_or_with_one_left_out(world):
    first, second, third = world.export(0, 10), world.export(10, 20), world.export(20, 40)
    assert world.verify(first, second, third).whole
    assert world.verify(second, third).whole
    for wrong in ((second, first), (first, third), (first, first), (first, second, second)):
        assert not world.verify(*wrong).whole
    assert world.verify(first, third).first_bad == 10


def test_a_segment_whose_peaks_are_forged_does_not_reach_its_checkpoint(world):
    lines = world.export(20, 40)
    header = json.loads(lines[0])
    header["peaks"][0] = "ab" * 32
    assert not world.verify([json.dumps(header).encode(), *lines[1:]]).whole
    header["peaks"] = ["zz"]
    assert not world.verify([json.dumps(header).encode(), *lines[1:]]).whole
    header["peaks"] = []
    assert not world.verify([json.dumps(header).encode(), *lines[1:]]).whole


def test_an_event_that_is_told_to_be_pruned_and_never_was(world):
    lines = world.export()
    at = line_of(lines, 21)
    lines[at] = b'%b,"pruned":21}\n' % lines[at][: len('{"leaf":"') + 65]
    verdict = world.verify(lines)
    assert verdict.first_bad == 21
    assert "no event in the export tells of its pruning" in verdict.problems[0].what


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"[]", b"null", b"not json", b'{"leaf":"zz"}', b'{"checkpoint":7}', b'{"checkpoint":"x"}', b"\xff\xfe",
     b'{"leaf":"' + b"00" * 32 + b'","record":[' + b"[" * 100_000, b'{"leaf":"' + b"00" * 32 + b'","record":{}}',
     b'{"leaf":"' + b"00" * 32 + b'","pruned":x}'],
)  # fmt: skip
def test_a_line_of_another_kind_is_told_by_its_number(world, line):
    lines = world.export()
    lines.insert(9, line)
    verdict = world.verify(lines)
    assert not verdict.whole
    assert verdict.problems[0].line == 10


def test_a_file_that_is_empty_or_without_its_first_line(world):
    assert world.verify([]).problems[0].what == "the export is empty"
    assert world.verify(world.export()[1:]).problems[0].what == "the export has no first line"
    lines = world.export()
    assert world.verify([lines[0], *lines]).problems[0].what == "the export has two first lines"


def test_a_verifier_key_that_is_none(world):
    for line in ("", "x", NAME, world.key.verifier_key[:-4], world.key.verifier_key.replace("registry", "another")):
        with pytest.raises(InvalidNote):
            TrailKeyring(line)


def test_a_known_checkpoint_that_nobody_signed_is_refused(tmp_path, world):
    thief = TrailKey(tmp_path / "thief.key", NAME)
    with pytest.raises(InvalidNote, match="not signed"):
        world.verify(world.export(), known=(thief.checkpoint(10, bytes(32)),))
