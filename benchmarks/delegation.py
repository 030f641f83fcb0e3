"""Random delegation chains that never widen, and sub-agents started by the thousand under one orchestrator.

A chain starts from a random authority. At each level a child is drawn at random, often wider than its parent; a child
that the algebra calls strictly narrower is tried with random calls against its parent. A call that the child allows and
its parent does not would be a widening. Seeds are printed with the figure, so that any run can be repeated.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import uvloop
from tests.fakes.delegation_world import Family
from tests.fakes.exchange_world import World

from benchmarks.figure import Figure
from leasehold.model.access import Reach
from leasehold.model.authority.constraints import Constraint
from leasehold.model.authority.order import Call, Verdict, allows, strictly_narrower
from leasehold.model.authority.plain import constraints_of
from leasehold.store.sql_store import open_store

CHAINS = 1_000_000
STORM = 10_000
ROUND = 1_000
CLIENTS = 16
WARM_UP = 50
WORKERS = 2
DEPTH = 4
SEED = 20261123
_TOOLS = ("read", "write", "*")
_RESOURCES = ("repo:a", "repo:ab", "repo:a*", "repo:*b", "repo:*")
_CALLS = 6
_MOSTLY = 0.85
_BOUNDS = [(low, high) for low in range(5) for high in range(low, 5)]
_OPERANDS: list[tuple[str, object]] = [
    *(("range", {"min": low, "max": high}) for low, high in _BOUNDS),
    *(("range", {"max": high}) for high in range(5)),
    *(("one_of", [low, high, "ab"]) for low, high in _BOUNDS),
    *(("exact", value) for value in (0, 1, 2, "a", "ab")),
    *(("glob", glob) for glob in ("*", "a*", "ab*", "a*b", "*b")),
]
_CONSTRAINTS = [constraints_of({"x": {operator: operand}})[0][1] for operator, operand in _OPERANDS]
_VALUES: list[object] = [0, 0.5, 1, 2, 3.5, 4, 5, "a", "ab", "aab", "b", "abc", "zb", True]
Authority: TypeAlias = tuple[Reach, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the chains of one seed."""

    chains: int
    links: int
    refused: int
    widenings: int


def figures() -> Iterator[Figure]:
    """Chains first, then the storm."""
    seeds = [SEED + at for at in range(WORKERS)]
    started = time.perf_counter()
    with ProcessPoolExecutor(WORKERS) as pool:
        tallies = list(pool.map(run_chains, seeds, [CHAINS // WORKERS] * WORKERS))
    seconds = time.perf_counter() - started
    chains, links = sum(one.chains for one in tallies), sum(one.links for one in tallies)
    label = f"of {chains} chains, {links} links, seeds {seeds[0]}-{seeds[-1]}"
    yield Figure("delegation_widenings", sum(one.widenings for one in tallies), "widenings", label)
    yield Figure("delegation_chains_per_second", chains / seconds, "1/s")
    yield from _storm()


def run_chains(seed: int, chains: int) -> Tally:
    """Draw chains, and count the links whose child allows a call that its parent does not."""
    chance = random.Random(seed)  # noqa: S311  repeatable on purpose
    links = refused = widenings = 0
    for _ in range(chains):
        parent = draw(chance)
        for _ in range(DEPTH):
            child = draw(chance, parent)
            if strictly_narrower(child, parent) is not Verdict.YES:
                refused += 1
                continue
            links += 1
            widenings += widens(chance, child, parent)
            parent = child
    return Tally(chains, links, refused, widenings)


def widens(chance: random.Random, child: Authority, parent: Authority) -> bool:
    """True if some of a few random calls within the child's reach lies beyond the parent's."""
    calls = (_call(chance) for _ in range(_CALLS))
    return any(allows(child, call) and not allows(parent, call) for call in calls)


def draw(chance: random.Random, near: Authority = ()) -> Authority:
    """A random authority, like parts of another where there is one."""
    return tuple({_reach(chance, chance.choice(near) if near else None) for _ in range(1 if near else 2)})


def _reach(chance: random.Random, like: Reach | None) -> Reach:
    kept = chance.random()
    tool = like.tool if like and kept < _MOSTLY else chance.choice(_TOOLS)
    resource = like.resource if like and kept < _MOSTLY else chance.choice(_RESOURCES)
    constraints = dict(like.constraints) if like else {}
    if chance.random() < _MOSTLY:
        constraints[chance.choice("xy")] = chance.choice(_CONSTRAINTS)
    elif constraints and chance.random() > _MOSTLY:
        constraints.popitem()
    return Reach("github", tool, resource, tuple(sorted(constraints.items(), key=_by_name)))


def _by_name(item: tuple[str, Constraint]) -> str:
    return item[0]


def _call(chance: random.Random) -> Call:
    arguments = {name: chance.choice(_VALUES) for name in "xy" if chance.random() < _MOSTLY}
    tool, resource = chance.choice(["read", "write", "other"]), chance.choice(["a", "ab", "abb", "zb", "z"])
    return Call("github", tool, f"repo:{resource}", arguments)


def _storm() -> Iterator[Figure]:
    """Sub-agents under one orchestrator: what the last thousand cost against the first, in processor time."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        store = open_store(f"sqlite:///{folder / 'leasehold.db'}")
        world = World(store, folder)
        world.now = datetime.now(UTC)
        family = Family(world.populate())
        began = time.perf_counter()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            marks = runner.run(_spawn_all(family))
        seconds = time.perf_counter() - began
        world.close()
        store.close()
    first, *_, last = ((later - earlier) / ROUND * 1000 for earlier, later in pairwise(marks))
    yield Figure("spawn_storm_sub_agents", STORM, "sub-agents under one orchestrator")
    yield Figure("spawn_per_second", STORM / seconds, "1/s")
    yield Figure("spawn_per_cpu_second", STORM / (marks[-1] - marks[0]), "1/cpu-s")
    yield Figure("spawn_last_vs_first_cpu_ms", last, "ms", first, last / first)


async def _spawn_all(family: Family) -> list[float]:
    """The processor seconds spent before each thousand of spawns and after the last."""
    parent = (await family.world.ask(family.pod("triage"))).access_token
    actor = family.pod("coder")
    await _client(family, parent, actor, iter(range(WARM_UP)))
    marks = [time.process_time()]
    for _ in range(STORM // ROUND):
        waiting = iter(range(ROUND))
        await asyncio.gather(*(_client(family, parent, actor, waiting) for _ in range(CLIENTS)))
        marks.append(time.process_time())
    return marks


async def _client(family: Family, parent: str, actor: str, waiting: Iterator[int]) -> None:
    for _ in waiting:
        await family.spawning(parent, actor)
