"""The engines to choose from: Cedar's own, our compiler, and both at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from leasehold.policy.cedar.cedar_engine import CedarEngine
from leasehold.policy.cedar.compiler import compiled
from leasehold.policy.cedar.contexts import by_query, query_of
from leasehold.policy.cedar.evaluation import SILENCE, Call, Engine, Evaluate, Judge, Parties, Query, Verdict
from leasehold.policy.cedar.fusing import fused
from leasehold.policy.cedar.known import Lookup
from leasehold.policy.cedar.reading import context_names
from leasehold.policy.cedar.statements import Statement

DISAGREED = Verdict(disagreed=True)


class CompiledEngine:
    """One Python function per slice."""

    name = "compiled"

    def prepare(self, policies: Sequence[Statement]) -> Evaluate:
        """Compile the slice once."""
        return compiled(policies) if policies else _silent

    def fuse(self, policies: Sequence[Statement], evaluate: Evaluate) -> Judge:
        """Compile the slice once more, for calls; unless a policy wants the context whole."""
        return fused(policies) or by_query(evaluate, None)


class ShadowEngine:
    """Two engines on every question. Where they differ, the answer is no, and `report` hears of the policies."""

    name = "shadow"

    def __init__(self, first: Engine, second: Engine, report: Callable[[tuple[str, ...]], None]) -> None:
        self._first, self._second, self._report = first, second, report

    def prepare(self, policies: Sequence[Statement]) -> Evaluate:
        """Prepare the slice for both."""
        first, second = self._first.prepare(policies), self._second.prepare(policies)
        agreed = self._agreed(policies)
        return lambda query: agreed(first(query), second(query))

    def fuse(self, policies: Sequence[Statement], evaluate: Evaluate) -> Judge:
        """The first engine on the call itself, against what both say of the question that it comes to."""
        judge, agreed = self._first.fuse(policies, evaluate), self._agreed(policies)
        names = context_names(one.template for one in policies)

        def both(call: Call, parties: Parties, entities: Lookup) -> Verdict:
            verdict = evaluate(query_of(call, parties, entities, names))
            return verdict if verdict.disagreed else agreed(judge(call, parties, entities), verdict)

        return both

    def _agreed(self, policies: Sequence[Statement]) -> Callable[[Verdict, Verdict], Verdict]:
        ids = tuple(one.id for one in policies)

        def agreed(verdict: Verdict, other: Verdict) -> Verdict:
            if verdict == other:
                return verdict
            self._report(ids)
            return DISAGREED

        return agreed


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
