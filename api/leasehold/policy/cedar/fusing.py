"""A slice that reads a tool call itself: of the context only what its policies look at is made, and no record of it.

What the code says of each name is what `contexts` makes of it; a fuzzer holds both, and Cedar, to one answer.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import NoReturn, cast

from cedarpy import pst

from leasehold.policy.cedar.compiler import Unit, item
from leasehold.policy.cedar.contexts import MODES, OTHERS, chain_of, scopes_of
from leasehold.policy.cedar.evaluation import Judge
from leasehold.policy.cedar.reading import context_seen
from leasehold.policy.cedar.statements import Statement
from leasehold.policy.cedar.values import EvaluationError, moment_of

_HEAD = """
def evaluate(call, parties, S):
    P, on_behalf_of, via_agent = parties
    A, R, request, facts, said, source, caller = call
"""
# Names that are variables of the head, and what makes the others. A value that is not there is None.
_AT_HAND = {"input": "said", "source_ip": "source", "caller": "caller", "tool": "facts"}
_AT_HAND |= {name: name for name in OTHERS}
_MADE = {
    "now": "moment_of(request.at)",
    "weekday": "request.at.astimezone(UTC).isoweekday()",
    "depth": "len(request.chain)",
    "chain": "chain_of(request.chain)",
    "deployment": "request.deployment",
    "oauth": "request.oauth",
}
_OAUTH = {"mode": "MODES[c_oauth.mode]", "scopes": "scopes_of(c_oauth.scopes)", "consent": "c_oauth.consent"}
_RECORDS = frozenset({"input", "caller", "tool", "oauth"})


def fused(policies: Sequence[Statement]) -> Judge | None:
    """The function that says what these policies say of a tool call; None if one looks at the context as a whole."""
    seen = context_seen(one.template for one in policies)
    if seen is None:
        return None
    unit = _Fused()
    head = _HEAD + "".join(f"    {line}\n" for line in _prologue(seen))
    return cast("Judge", unit.function(head, policies))


def _prologue(seen: Mapping[str, frozenset[str] | None]) -> list[str]:
    """What is made before any policy is asked. Whatever fails here fails the decision, as making a record would."""
    lines = [f"c_{name} = {code}" for name, code in _MADE.items() if name in seen]
    if "oauth" in seen:
        looked_at = seen["oauth"]
        fields = ", ".join(f"'{n}': {code}" for n, code in _OAUTH.items() if looked_at is None or n in looked_at)
        lines.append(f"if c_oauth is not None: c_oauth = {{{fields}}}")
    return lines


class _Fused(Unit):
    """Code in which every name of the context is a variable."""

    def __init__(self) -> None:
        super().__init__()
        self.names |= {
            "moment_of": moment_of,
            "chain_of": chain_of,
            "scopes_of": scopes_of,
            "MODES": MODES,
            "UTC": UTC,
            "len": len,
        }

    def context_has(self, name: str) -> ast.expr:
        """Whether the call has something under this name."""
        found = _variable(name)
        if found is None:
            return ast.Constant(value=False)
        return ast.Compare(found, [ast.IsNot()], [ast.Constant(None)])

    def context_value(self, name: str) -> ast.expr:
        """What the call has under a name; it raises if there is nothing."""
        found, nothing = _variable(name), self.call(_nothing)
        if found is None:
            return nothing
        return ast.IfExp(ast.Compare(found, [ast.IsNot()], [ast.Constant(None)]), found, nothing)

    def attribute(self, base: pst.Expr, name: str) -> ast.expr:
        """The same of entities and records; what is a record whenever it is there needs no look at its type."""
        match base:
            case pst.GetAttr(pst.Var("context"), record) if record in _RECORDS:
                return item(_always(record), name)  # of what is not there, the subscript raises
            case _:
                return super().attribute(base, name)


def _variable(name: str) -> ast.expr | None:
    """Where the code finds the name's value; None of a name that no tool call has."""
    code = _AT_HAND.get(name, f"c_{name}" if name in _MADE else None)
    return None if code is None else ast.Name(code, ast.Load())


def _always(name: str) -> ast.expr:
    found = _variable(name)
    assert found is not None  # noqa: S101  records have names
    return found


def _nothing() -> NoReturn:
    raise EvaluationError("the context has no such name")
