"""Who holds what of other systems, and until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leasehold.credentials.ports import Store
from leasehold.model.external import CredentialFilters, ExternalCredential


@dataclass(frozen=True, slots=True)
class CredentialPage:
    """A page in the order of ids; `after` is where the next one starts, None if there is none."""

    items: Sequence[ExternalCredential]
    after: str | None


def list_credentials(store: Store, after: str, limit: int, filters: CredentialFilters) -> CredentialPage:
    """Credentials on record. None of them is in the answer, only what is known about them."""
    with store.read() as unit:
        found = unit.credentials.list(after=after, limit=limit + 1, filters=filters)
    more = len(found) > limit
    return CredentialPage(found[:limit], found[limit - 1].id if more else None)
