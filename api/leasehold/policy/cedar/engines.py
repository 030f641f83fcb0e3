"""The engines to choose from: Cedar's own, our compiler, and both at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from leasehold.policy.cedar.cedar_engine import CedarEngine
from leasehold.policy.cedar.compiler import compiled
from leasehold.policy.cedar.evaluation import SILENCE, Engine, Evaluate, Query, Verdict
from leasehold.policy.cedar.statements import Statement

DISAGREED = Verdict(disagreed=True)


class CompiledEngine:
    """One Python function per slice."""

    name = "compiled"

    def prepare(self, policies: Sequence[Statement]) -> Evaluate:
        """Compile the slice once."""
        return compiled(policies) if policies else _silent


class ShadowEngine:
    """Two engines on every question. Where they differ, the answer is no, and `report` hears of the policies."""

    name = "shadow"

    def __init__(self, first: Engine, second: Engine, report: Callable[[tuple[str, ...]], None]) -> None:
        self._first, self._second, self._report = first, second, report

    def prepare(self, policies: Sequence[Statement]) -> Evaluate:
        """Prepare the slice for both."""
        first, second = self._first.prepare(policies), self._second.prepare(policies)
        ids = tuple(one.id for one in policies)

        def evaluate(query: Query) -> Verdict:
            verdict = first(query)
            if verdict == second(query):
                return verdict
            self._report(ids)
            return DISAGREED

        return evaluate


def engine_named(name: str, report: Callable[[tuple[str, ...]], None] = lambda _ids: None) -> Engine:
    """The engine that a setting names: `compiled`, `cedarpy` or `shadow`. Raises `ValueError`."""
    if name == CompiledEngine.name:
        return CompiledEngine()
    if name == CedarEngine.name:
        return CedarEngine()
    if name == ShadowEngine.name:
        return ShadowEngine(CompiledEngine(), CedarEngine(), report)
    raise ValueError("an engine is one of compiled, cedarpy and shadow")


def _silent(_query: Query) -> Verdict:
    return SILENCE
