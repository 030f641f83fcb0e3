"""For resource servers that have no identity in the registry: keys and status lists, both public, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from leasehold.verify.access import TokenReader
from leasehold.verify.issuer import IssuerKeys, check_url, http_client
from leasehold.verify.known import Known
from leasehold.verify.status_lists import StatusLists
from leasehold.verify.verifier import Patience, Verifier


@contextmanager
def third_party_verifier(*, issuer: str, audience: str, endpoint: str | None = None) -> Iterator[Verifier]:
    """A verifier that learns from status lists alone that a token has ended: up to 15 seconds later.

    Raises `ValueError` for an issuer that is neither https nor on loopback.
    """
    where = check_url(endpoint or issuer)
    with http_client() as client:
        keys = IssuerKeys(where, client)
        yield Verifier(
            tokens=TokenReader(issuer, audience, keys),
            known=Known(),  # nobody is followed: the list is asked every time
            introspection=StatusLists(issuer, client, keys, endpoint=where),
            patience=Patience(),
        )
