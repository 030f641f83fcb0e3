"""Who may follow the feed: a registry token of any role, for as long as it lives.

An agent's token does not open it: the feed names every owner and agent of the organisation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leasehold.authn.registry_tokens import LEASE_CLAIM, RegistryTokens, lease_id_of, own_profile
from leasehold.model.errors import Unauthenticated
from leasehold.model.leases import Node, lease_node
from leasehold.model.revocations import RevocationEvent
from leasehold.model.tokens import TokenRefused, UnverifiedToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A caller whose token was good when it came. `nodes`: what its lease hangs below, and at which generations."""

    bearer: str = field(repr=False)
    key: str | None = None
    expires_at: datetime
    nodes: Mapping[Node, int]

    def ends_with(self, events: Iterable[RevocationEvent]) -> bool:
        """True if one of the events ends the reader's own lease."""
        return any(event.generation > self.nodes.get(event.node, event.generation) for event in events)


class Readers:
    """Admits readers.

    What a token says and whether its lease lives are asked apart: in between, the reader is already listening, so that
    no end of its own lease escapes it.
    """

    def __init__(self, callers: RegistryTokens) -> None:
        self._callers = callers

    def verify(self, bearer: str, now: datetime, key: str | None = None) -> Reader:
        """The reader that a token describes, dead or alive; `key` is the one it proved. Raises `Unauthenticated`."""
        profile = own_profile(self._callers.issuer, frozenset({self._callers.audience}))
        try:
            self._callers.verify(bearer, now, key)
            verified = self._callers.verifier.verify(UnverifiedToken(bearer), profile, now)
            nodes = _ancestors(verified.claims) | {lease_node(lease_id_of(verified)): 0}
        except TokenRefused as refused:
            raise Unauthenticated("the bearer token was not accepted") from refused
        return Reader(bearer=bearer, key=key, expires_at=verified.expires_at, nodes=nodes)

    def check_lease(self, reader: Reader, now: datetime) -> None:
        """Ask whether the lease lives. Raises `Unauthenticated`, `Unavailable`."""
        self._callers.authenticate(reader.bearer, now, reader.key)


def _ancestors(claims: Mapping[str, object]) -> dict[Node, int]:
    lease = claims[LEASE_CLAIM]
    return {Node(node): generation for node, generation in lease["anc"]} if isinstance(lease, dict) else {}
