"""What a verifier knows of revocations, and how old that knowledge is. No I/O: statements and times come in.

`wall` is the time of day, which can be set and can jump; `monotonic` only ever advances. Both in seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from leasehold.model.revocations import REVOCATIONS_KEPT
from leasehold.model.tokens import LEEWAY
from leasehold.verify.refusals import Reason, Untrusted
from leasehold.verify.statements import Batch, Snapshot

_KEPT_SECONDS = REVOCATIONS_KEPT.total_seconds()
_LEEWAY_SECONDS = LEEWAY.total_seconds()
_STATEMENTS_COMPARED = 64  # 16 seconds of heartbeats


class Gap(Exception):
    """Events are missing between what is known and what was told."""


@dataclass(frozen=True, slots=True)
class Heard:
    """How far the newest statement reaches, in differences, so that one subtraction or addition tells the rest.

    `until`: the monotonic instant up to which all is known. `day`: from any such instant to the time of day that it
    certainly was. `at`: the time of day that the statement speaks of.
    """

    until: float = float("-inf")
    day: float = float("-inf")
    at: float = float("-inf")


class Known:
    """Minimum generations by node. Written by one follower, read by any number of threads.

    INVARIANT: minimums first, then `ended`, the sequence, and how fresh it is: a reader that sees the later sees the
    earlier. `ended` are the nodes that have a minimum: two sets are compared in a third of the time that a set and the
    keys of a mapping are, and every check compares.
    """

    def __init__(self) -> None:
        self.minimums: dict[str, int] = {}
        self.ended: set[str] = set()
        self.sequence: int | None = None
        self.heard = Heard()
        self._recent: deque[tuple[float, str, int]] = deque()
        self._offsets: deque[float] = deque(maxlen=_STATEMENTS_COMPARED)

    def staleness(self, monotonic: float) -> float:
        """For how many seconds nothing has been heard of; infinite before the first statement."""
        return monotonic - self.heard.until

    def earliest_now(self, monotonic: float) -> float:
        """A time of day that is certainly past: a clock that was set back does not wake expired tokens."""
        return monotonic + self.heard.day

    def add(self, batch: Batch, wall: float, monotonic: float) -> None:
        """Learn a batch. Raises `Gap`, and `Untrusted` for one from the future."""
        _refuse_future(batch.at, wall)
        if self.sequence is None or batch.since > self.sequence:
            raise Gap
        for sequence, (node, generation) in enumerate(batch.events, start=batch.since + 1):
            if sequence > self.sequence:
                self._raise(node, generation, monotonic)
        is_old = batch.sequence < self.sequence  # said again: true, but no proof that it is all there is by now
        self.sequence = max(batch.sequence, self.sequence)
        if not is_old:
            self._hear(batch.at, wall, monotonic)

    def start(self, snapshot: Snapshot, wall: float, monotonic: float) -> None:
        """Learn a snapshot. What was known stays known: nothing comes back to life by it. Raises `Untrusted`."""
        _refuse_future(snapshot.at, wall)
        if wall - snapshot.at > _LEEWAY_SECONDS or snapshot.at < self.heard.at:
            raise Untrusted(Reason.EXPIRED)
        self._raise_all(snapshot.minimums, monotonic)
        self.sequence = snapshot.sequence
        self._offsets.clear()
        self._hear(snapshot.at, wall, monotonic)

    def start_over(self) -> None:
        """Forget where the feed was, so that only a snapshot is taken next; not what it said, nor how old that is."""
        self.sequence = None

    def _raise_all(self, minimums: Mapping[str, int], monotonic: float) -> None:
        for node, generation in minimums.items():
            self._raise(node, generation, monotonic)

    def _raise(self, node: str, generation: int, monotonic: float) -> None:
        if generation > self.minimums.get(node, 0):
            self.minimums[node] = generation
            self.ended.add(node)
        self._recent.append((monotonic, node, generation))

    def _hear(self, at: float, wall: float, monotonic: float) -> None:
        if at < self.heard.at:
            return
        # How late is it? By our clock, and, as that may be wrong, by how much later than the quickest before it.
        offset = monotonic - at
        self._offsets.append(offset)
        lag = max(0.0, wall - at, offset - min(self._offsets))
        self.heard = Heard(until=monotonic - lag, day=at - monotonic, at=at)
        self._forget(monotonic)

    def _forget(self, monotonic: float) -> None:
        while self._recent and monotonic - self._recent[0][0] > _KEPT_SECONDS:
            _, node, generation = self._recent.popleft()
            if self.minimums.get(node) == generation:  # no later event of it: what it killed has expired since
                self.ended.discard(node)
                del self.minimums[node]


def _refuse_future(at: float, wall: float) -> None:
    if at > wall + _LEEWAY_SECONDS:
        raise Untrusted(Reason.NOT_YET_VALID)
