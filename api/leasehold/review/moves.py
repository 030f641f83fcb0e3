"""Small steps of one object, and the way that they add up to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Move:
    """One step: `way` is +1 wider, -1 narrower, 0 neither; `rank` is its risk, 1 low to 4 critical."""

    way: int
    rank: int
    factor: str


@dataclass(frozen=True, slots=True)
class Shift:
    """All steps of one object together."""

    wider: bool
    narrower: bool
    rank: int
    factors: tuple[str, ...]


def combined(moves: Iterable[Move]) -> Shift:
    """All moves as one; a spec that differs in words only is rank 1 and has no factor."""
    ordered = sorted(moves, key=lambda move: -move.rank)
    return Shift(
        wider=any(move.way > 0 for move in ordered),
        narrower=any(move.way < 0 for move in ordered),
        rank=max((move.rank for move in ordered), default=1),
        factors=tuple(dict.fromkeys(move.factor for move in ordered)),
    )


def size(was: int, now: int, more: str, less: str) -> list[Move]:
    """A number (or a truth) that grew is wider, one that shrank is narrower."""
    if was == now:
        return []
    return [Move(+1, 2, more)] if now > was else [Move(-1, 1, less)]
