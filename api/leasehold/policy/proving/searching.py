"""A call that a formula admits, sought by the solver within bounds: one that is easy to read, if there is one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import z3

from leasehold.policy.cedar.values import moment_of
from leasehold.policy.proving.symbols import NOW, Symbols
from leasehold.policy.proving.terms import Formula

DECIDED_ALIKE = "the call that the solver found is decided alike"
_FORTNIGHT = 14 * 86_400_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one proof may cost. `steps` are the solver's own: the same question always ends the same way."""

    steps: int = 2_000_000
    milliseconds: int = 2_000
    nodes: int = 20_000


class Search:
    """What the unknowns of one question could be."""

    def __init__(self, symbols: Symbols, at: datetime, bounds: Bounds) -> None:
        self._symbols, self._at, self._bounds = symbols, at, bounds

    def model(self, question: Formula) -> object:
        """A model, easy to read if there is one; None if there is none, or why nobody can tell."""
        if question is self._symbols.logic.false:
            return None
        solver = self._told(z3.SimpleSolver(ctx=self._symbols.logic.context), question)
        wishes = self._wishes()  # made after the question: which model is found depends on what was made first
        readable = [*wishes, *self._symbols.readable_ids()]
        answer = solver.check(*readable)
        if answer == z3.sat:
            return solver.model()
        if answer == z3.unsat and not solver.unsat_core():  # it was not the wishes that could not be met
            return None
        return self._searched(question, readable, wishes)

    def _searched(self, question: Formula, readable: list[Formula], wishes: list[Formula]) -> object:
        """The same by all means that the solver has: slower, and it gives up less."""
        solver = self._told(z3.Solver(ctx=self._symbols.logic.context), question)
        answer = solver.check()
        if answer == z3.unsat:
            return None
        if answer == z3.unknown:
            return f"the solver gave up: {solver.reason_unknown()}"[:200]
        plain = solver.model()
        for wished in (readable, wishes):
            if solver.check(*wished) == z3.sat:
                return solver.model()
        return plain

    def _told(self, solver: z3.Solver, question: Formula) -> z3.Solver:
        solver.set("timeout", self._bounds.milliseconds)
        solver.set("rlimit", self._bounds.steps)
        solver.add(*self._symbols.given, question)
        return solver

    def _wishes(self) -> list[Formula]:
        """What makes a witness easy to read: a call for nobody else, of now."""
        symbols, logic = self._symbols, self._symbols.logic
        others = (symbols.present.get(path, logic.false) for path in ("context.on_behalf_of", "context.via_agent"))
        wishes = [logic.no(one) for one in others if one is not logic.true]
        if NOW in symbols.variables:
            at = int(moment_of(self._at))
            wishes += [symbols.variables[NOW] >= at, symbols.variables[NOW] <= at + _FORTNIGHT]
        return wishes
