"""Tokens as callers present them to us as a resource: alone (RFC 6750), or with a proof of possession (RFC 9449 §7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from leasehold.authn.ports import ProofVerifier
from leasehold.model.possession import NonceWanted, Possession, ProofRefused, Unproven, UnprovenNonce
from leasehold.model.tokens import LEEWAY, UnverifiedToken

Known = TypeVar("Known")


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """An unverified token, and the proof that came with it; None for a bearer token. `path` is as it was sent."""

    token: str = field(repr=False)
    proof: str | None = field(default=None, repr=False)
    method: str = ""
    path: str = ""


class FirstUses(Protocol):
    """What was used already."""

    def first_uses(self, uses: Mapping[tuple[str, str], datetime]) -> frozenset[tuple[str, str]]: ...


class UnitOfWork(Protocol):
    """One transaction."""

    @property
    def replays(self) -> FirstUses: ...


class Store(Protocol):
    """Opens one that writes. Raises `Unavailable`."""

    def begin(self) -> AbstractContextManager[UnitOfWork]: ...


class Possessions:
    """Checks what proves a token to be its holder's.

    A proof is remembered after the token that it came with is known to be good: a stranger cannot make us write.
    """

    def __init__(self, *, issuer: str, proofs: ProofVerifier, store: Store) -> None:
        self._issuer = issuer
        self._proofs = proofs
        self._store = store

    def admit(
        self, sent: Presented, now: datetime, authenticate: Callable[[str, datetime, str | None], Known]
    ) -> Known:
        """Who `authenticate` says presents the token, given the key that was proved. Raises `Unproven`, and its own."""
        possession = self.prove(sent, now)
        known = authenticate(sent.token, now, key_of(possession))
        self.spend(possession)
        return known

    def prove(self, sent: Presented, now: datetime) -> Possession | None:
        """The key that the caller proves to hold, for this request and this token. Raises `Unproven`."""
        if sent.proof is None:
            return None
        url = self._issuer + sent.path
        try:
            return self._proofs.check(UnverifiedToken(sent.proof), sent.method, url, now, sent.token)
        except NonceWanted as wanted:
            raise UnprovenNonce(wanted.nonce) from wanted
        except ProofRefused as refused:
            raise Unproven(str(refused)) from refused

    def spend(self, possession: Possession | None) -> None:
        """Use the proof up. Raises `Unproven` if it was used before, on whatever server."""
        if possession is None:
            return
        with self._store.begin() as unit:
            spend_in(unit, possession)


def spend_in(unit: UnitOfWork, possession: Possession) -> None:
    """The same, within a transaction."""
    use = possession.first_use
    if not unit.replays.first_uses({(use.issuer, use.digest): use.expires_at + LEEWAY}):
        raise Unproven("the proof was used before")


def key_of(possession: Possession | None) -> str | None:
    """The thumbprint of the proved key, if one was."""
    return possession.key if possession is not None else None
