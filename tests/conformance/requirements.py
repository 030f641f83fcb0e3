"""What a requirement of a standard is, and how a test says that it proves one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Test = TypeVar("Test", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Requirement:
    """One MUST or SHOULD. `divergence` says where we differ on purpose, and in which decision that is argued."""

    id: str
    source: str
    behaviour: str
    divergence: str = ""


def proves(*_requirements: str) -> Callable[[Test], Test]:
    """Says which requirements a test proves; `test_manifests.py` reads it."""
    return lambda test: test
