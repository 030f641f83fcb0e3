"""Which of the bindings that name a subject is meant. A choice that is not clear is not made."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

from leasehold.authn.subjects import Subject, is_named_by
from leasehold.exchange.refusals import ExchangeReason, ExchangeRefused
from leasehold.model.trust import WorkloadBinding

Bindings = Mapping[str, WorkloadBinding]


def choose_agent(bindings: Bindings, subject: Subject, agent: str | None) -> tuple[str, WorkloadBinding]:
    """The binding to an agent; `agent` settles which. Raises `ExchangeRefused`."""
    fitting = {
        name: binding
        for name, binding in bindings.items()
        if binding.agent is not None and agent in {None, binding.agent} and is_named_by(binding, subject)
    }
    return _only(fitting, lambda binding: (binding.agent, binding.deployment))


def choose_role(bindings: Bindings, subject: Subject, stack: str | None) -> tuple[str, WorkloadBinding]:
    """The binding to a platform role; `stack` settles which. Raises `ExchangeRefused`."""
    fitting = {
        name: binding
        for name, binding in bindings.items()
        if binding.role is not None and stack in {None, binding.stack} and is_named_by(binding, subject)
    }
    return _only(fitting, lambda binding: (binding.role, binding.teams, binding.stack))


def _only(fitting: Bindings, outcome: Callable[[WorkloadBinding], Hashable]) -> tuple[str, WorkloadBinding]:
    """The first of bindings that all come to the same. Raises `ExchangeRefused` if there is none, or a choice."""
    if not fitting:
        raise ExchangeRefused(ExchangeReason.NO_BINDING)
    if len({outcome(binding) for binding in fitting.values()}) > 1:
        raise ExchangeRefused(ExchangeReason.AMBIGUOUS_BINDING)
    return min(fitting.items(), key=lambda item: item[0])
