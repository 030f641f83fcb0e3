"""What a thing could be, a registered one may not be: of each that the solver names, it is asked as it is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from leasehold.model.entities import EntityRef
from leasehold.policy.proving.witnesses import Witness
from leasehold.policy.published import Published

Answers: TypeAlias = tuple[object, object]
"""A call that only the new version allows, and one that only the old one does; None, or why nobody can tell."""
Ask: TypeAlias = Callable[[EntityRef | None, frozenset[EntityRef]], Answers]
"""About one registered thing; or about any, but those that are apart."""
_ROUNDS, _TOO_MANY = 8, "too many things to look at one by one"


def one_by_one(ask: Ask, versions: tuple[Published, Published]) -> Answers:
    """The answers, of which none supposes anything of what is registered."""
    found: Answers = (None, None)
    apart = frozenset[EntityRef]()
    for _ in range(_ROUNDS):
        answers = ask(None, apart)
        known = {ref for one in answers if (ref := _supposed(one, versions)) is not None}
        for thing in sorted(known):
            found = _both(found, ask(thing, frozenset()))
        if not known:
            return _both(found, answers)
        apart |= known
    return _both(found, (_TOO_MANY, _TOO_MANY))


def _supposed(found: object, versions: tuple[Published, Published]) -> EntityRef | None:
    """The registered thing of which a call supposes something."""
    if not isinstance(found, Witness):
        return None
    ref = found.request.resource.ref
    is_open = ref in found.supposed or not found.names_thing
    return ref if is_open and any(ref in one.facts.known for one in versions) else None


def _both(found: Answers, more: Answers) -> Answers:
    return _graver(found[0], more[0]), _graver(found[1], more[1])


def _graver(one: object, other: object) -> object:
    """A call before a doubt, a doubt before nothing."""
    return max(one, other, key=lambda of: (isinstance(of, Witness), of is not None))
