"""The two versions that `leasehold review --base … --head …` compares: what was synthesised, planned or applied."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from leasehold.cli.exits import Failure
from leasehold.cli.safe_text import visible
from leasehold.cli.sources import Declaration, Json, Source, read_source, split_stack, what_is
from leasehold.cli.synthesised import is_synthesised, read_synthesised

_POLICY = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,127})@([1-9][0-9]{0,8})(?:\.\.([1-9][0-9]{0,8}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What is given of either side: paths, and revisions of policies as `NAME@FROM..TO`."""

    base: Sequence[str]
    head: Sequence[str]
    policies: Sequence[str]
    stack: str | None

    def __post_init__(self) -> None:
        if bool(self.base) != bool(self.head):
            raise Failure(
                "--base and --head belong together", next_step="give both, or a plan to compare with what lives"
            )

    @property
    def stacks(self) -> tuple[str, ...]:
        """The stacks that are named before anything is read."""
        named = [split_stack(one)[0] or self.stack for one in (*self.base, *self.head)]
        return tuple(dict.fromkeys(one for one in named if one is not None))


def read_versions(given: Versions) -> tuple[Json, list[Declaration]]:
    """The body of a comparison, and what the head declares. Raises `Failure`."""
    base, head = ([one for path in side for one in _read(path, given.stack)] for side in (given.base, given.head))
    left, right = ({one.stack for one in side} for side in (base, head))
    if left != right:
        missing = ", ".join(sorted(left ^ right))
        raise Failure(f"base and head hold other stacks ({missing})", next_step="give the same stacks on both sides")
    revisions = [_revisions(one) for one in given.policies]
    befores = {name: before for name, before, _ in revisions}
    afters = {name: after for name, _, after in revisions if after is not None}
    body = {
        "base": {"stacks": _stacks(base), "policies": befores},
        "head": {"stacks": _stacks(head), "policies": afters},
    }
    return body, [*base, *head]


def read_base(given: Sequence[str], default: str | None) -> list[Json]:
    """What the base branch declares, as a review takes it. Raises `Failure`."""
    return _stacks([one for path in given for one in _read(path, default)])


def _read(argument: str, default: str | None) -> list[Declaration]:
    named, path = split_stack(argument)
    stack = named if named is not None else default
    if Path(path).is_dir() and is_synthesised(Path(path)):
        return read_synthesised(Path(path), stack)
    if stack is None:
        raise Failure("which stack is this?", where=visible(argument), next_step="write STACK=PATH, or give --stack")
    return [read_source(Source(what_is(path), stack, path))]


def _stacks(declared: list[Declaration]) -> list[Json]:
    by_stack: dict[str, list[Json]] = {}
    for one in declared:
        by_stack.setdefault(one.stack, []).extend(one.resources)
    return [{"stack": stack, "resources": resources} for stack, resources in by_stack.items()]


def _revisions(text: str) -> tuple[str, int, int | None]:
    found = _POLICY.fullmatch(text)
    if found is None:
        raise Failure(f"`{visible(text)}` names no revisions of a policy", next_step="write NAME@3..5, or NAME@3")
    return found[1], int(found[2]), int(found[3]) if found[3] is not None else None
