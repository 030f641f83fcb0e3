"""Whom and what a document speaks about: the scopes of its statements, whatever their conditions."""

from __future__ import annotations

from leasehold.policy.cedar.index import Scope, scoped
from leasehold.policy.cedar.statements import statements_of


def may_speak_of_more(name: str, before: str, after: str) -> bool:
    """False only if every principal and action that `after` speaks about is one that `before` speaks about.

    Raises `DocumentRefused`.
    """
    return not _spoken_of(name, after) <= _spoken_of(name, before)


def _spoken_of(name: str, document: str) -> frozenset[tuple[Scope, Scope]]:
    found = (scoped(one, one.template) for one in statements_of(name, document))
    return frozenset((one.principal, action) for one in found for action in one.actions)
