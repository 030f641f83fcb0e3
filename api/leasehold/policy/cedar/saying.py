"""Whom and what a document speaks about: the scopes of its statements, whatever their conditions."""

from __future__ import annotations

from leasehold.model.entities import EntityRef
from leasehold.policy.cedar.index import Scope, scoped
from leasehold.policy.cedar.statements import statements_of


def newly_spoken_of(name: str, before: str | None, after: str) -> frozenset[str] | None:
    """The tool servers of the actions that `after` speaks about, to whomever, and `before` does not; None for any.

    Empty only if every principal and action that `after` speaks about is one that `before` speaks about. Raises
    `DocumentRefused`.
    """
    new = _spoken_of(name, after) - (_spoken_of(name, before) if before is not None else frozenset())
    servers = frozenset(_server_of(action) for _, action in new)
    return servers if "" not in servers else None


def _server_of(action: Scope) -> str:
    """The server of `<server>/<tool>` and of `<server>/*`; empty for actions of whatever server."""
    named = action[-1] if action else None
    return named.id.partition("/")[0] if isinstance(named, EntityRef) and "/" in named.id else ""


def _spoken_of(name: str, document: str) -> frozenset[tuple[Scope, Scope]]:
    found = (scoped(one, one.template) for one in statements_of(name, document))
    return frozenset((one.principal, action) for one in found for action in one.actions)
