"""A registry's writer and its sealer, killed again and again: `python -m tests.fakes.trail_kills FOLDER KILLS [URL]`.

Each life writes events in transactions and says each name once it is durable; at a random moment it is killed. After
every death what is new in the trail must be whole, with each event that was said in it exactly once; in the end all of
it. Prints what was found as JSON.
A process of its own, because it forks: what is loaded once serves a thousand lives. `KILLS` of 1000 is the soak.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from tests.fakes.trail_world import TrailWorld, event

from leasehold.store.sql_store import open_store

LONGEST_LIFE = 0.4


def live(folder: Path, url: str, life: int, said: int) -> None:
    """Write and seal until somebody ends it."""
    world = TrailWorld(folder, open_store(url))

    def seal() -> None:
        while True:
            world.sealer.catch_up()
            time.sleep(0.002)

    threading.Thread(target=seal, daemon=True).start()
    for number in range(1_000_000):
        names = [f"{life}-{number}-{each}" for each in range(number % 4 + 1)]
        world.write(*(event(number, name=name) for name in names))
        os.write(said, "".join(f"{name}\n" for name in names).encode())


def ended(folder: Path, url: str, life: int, chance: random.Random) -> set[str]:
    """The names that one life said before it was killed. Its last word may be half a name."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        live(folder, url, life, writing)
        os._exit(1)
    os.close(writing)
    first = os.read(reading, 1)  # it has begun to write
    time.sleep(chance.random() * LONGEST_LIFE)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    text = first
    while chunk := os.read(reading, 65536):
        text += chunk
    os.close(reading)
    return set(text.decode().split("\n")[:-1])


def told(folder: Path, url: str, start: int = 0) -> tuple[bool, Counter[str], int]:
    """Whether the trail is whole from `start` on, how often each event stands in its export, and where that ends."""
    world = TrailWorld(folder, open_store(url))
    end = world.sealer.catch_up()
    lines = world.export(start)
    whole = world.verify(lines).whole
    world.store.close()
    return whole, Counter(json.loads(line)["record"]["name"] for line in lines if line.startswith(b'{"leaf"')), end


def main(folder: Path, kills: int, url: str) -> None:
    """Kill so often, and say what was found."""
    chance = random.Random(kills)  # noqa: S311  moments, no secrets
    said: set[str] = set()
    found, end = Counter[str](), 0
    for life in range(kills):
        said |= ended(folder, url, life, chance)
        whole, more, end = told(folder, url, end)
        found += more
        if not whole or said - found.keys() or any(found[name] > 1 for name in more):
            break
    if whole:
        whole, found, _ = told(folder, url)  # and all of it at once
    twice = sorted(name for name, count in found.items() if count > 1)
    lost = sorted(said - found.keys())
    print(json.dumps({"lives": life + 1, "said": len(said), "whole": whole, "lost": lost, "twice": twice}))  # noqa: T201


if __name__ == "__main__":
    place = Path(sys.argv[1])
    main(place, int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else f"sqlite:///{place / 'killed.db'}")
