"""The one question of a resource server: may this token do this, here and now?

A token that was checked before is answered by `_at_once`: clocks, revocations and the use are looked at each time, with
one look-up for each and no call that could be spared, for this stands before every call of every tool. Whatever is not
plainly good goes the long way, `_check`, which alone refuses. Tokens are known by their text, found by its end, which
is of the signature: to hash all of it would cost as much as the rest of the check, to compare it costs next to nothing.
Whoever can read this memory reads the requests too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import NamedTuple, Protocol

from leasehold.model.tools import Action
from leasehold.verify.access import AccessToken, TokenReader
from leasehold.verify.known import Known
from leasehold.verify.proofs import Proof
from leasehold.verify.refusals import Reason, Untrusted

MAX_STALENESS: Mapping[Action, timedelta] = MappingProxyType(
    {Action.READ: timedelta(seconds=30)}
    | dict.fromkeys((Action.WRITE, Action.DELETE, Action.EXECUTE), timedelta(seconds=1))
)
_KEPT = 100_000
_TAIL = 32  # characters, of 86 that a signature has
_FEED = Proof.FEED


_made = tuple.__new__


class Oracle(Protocol):
    """Tells whether a verified token lives, where the feed does not. Raises `Untrusted` if it cannot tell."""

    @property
    def proof(self) -> Proof: ...
    def is_active(self, token: str, access: AccessToken) -> bool: ...


class Receipt(NamedTuple):
    """What a decision rests on, for the resource server's audit trail.

    `refused` is None for a token that was accepted. `sequence` is that of the feed, None before it was heard.
    """

    refused: Reason | None
    proof: Proof
    sequence: int | None
    staleness_ms: float
    access: AccessToken | None


class AccessRefused(Exception):
    """The caller may not. `error` is what it is told (RFC 6750 §3.1); the receipt is for nobody but you."""

    def __init__(self, receipt: Receipt) -> None:
        self.receipt = receipt
        self.error = "insufficient_scope" if receipt.refused is Reason.NOT_ALLOWED else "invalid_token"
        super().__init__("the token was not accepted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How old knowledge of revocations may be, by what a tool does. A tool that is not listed counts as a write."""

    tools: Mapping[str, Action] = field(default_factory=dict)
    max_staleness: Mapping[Action, timedelta] = field(default_factory=lambda: MAX_STALENESS)

    def seconds(self) -> tuple[Mapping[str, float], float]:
        """Per tool, and for all others."""
        by_tool = {tool: self.max_staleness[action].total_seconds() for tool, action in self.tools.items()}
        return by_tool, self.max_staleness[Action.WRITE].total_seconds()


class Verifier:
    """Checks access tokens of one issuer for one audience. Safe to share between threads."""

    def __init__(
        self,
        *,
        tokens: TokenReader,
        known: Known,
        introspection: Oracle,
        patience: Patience,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens = tokens
        self._known = known
        self._introspection = introspection
        self._limits, self._limit = patience.seconds()
        self._wall = wall
        self._monotonic = monotonic
        self._signed: dict[str, tuple[str, AccessToken]] = {}

    def staleness_ms(self) -> float:
        """How old the knowledge of revocations is; infinite before the feed was first heard."""
        return self._known.staleness(self._monotonic()) * 1000

    async def check_async(
        self,
        token: str,
        tool: str,
        resource: str,
        *,
        proven_key: str | None = None,
        arguments: Mapping[str, object] | None = None,
    ) -> Receipt:
        """`check` for a coroutine: what has to wait for the network waits in a thread."""
        if (receipt := self._at_once(token, tool, resource, proven_key)) is not None:
            return receipt
        return await asyncio.to_thread(self.check, token, tool, resource, proven_key=proven_key, arguments=arguments)

    def check(
        self,
        token: str,
        tool: str,
        resource: str,
        *,
        proven_key: str | None = None,
        arguments: Mapping[str, object] | None = None,
    ) -> Receipt:
        """The receipt of a token that may use `tool` on `resource` now; blocks only if it must ask the issuer.

        `proven_key` is the thumbprint of the key that the caller proved to hold (RFC 9449 §7). `arguments` are those of
        the call: a token with constraints on arguments is refused without them. Raises `AccessRefused`.
        """
        if (receipt := self._at_once(token, tool, resource, proven_key)) is not None:
            return receipt
        return self._check(token, _Use(tool, resource, proven_key, arguments))

    def _at_once(self, token: str, tool: str, resource: str, proven_key: str | None) -> Receipt | None:
        """The receipt of a known token that is plainly good for this use; None if that takes a closer look."""
        found = self._signed.get(token[-_TAIL:])
        if found is None or found[0] != token:  # INVARIANT: to the last character; another text is another token
            return None
        access = found[1]
        if not access.decided.get((tool, resource), False):
            return None
        # Read before the minimums: events that arrive meanwhile make the answer better than the receipt says.
        known, monotonic = self._known, self._monotonic()
        sequence, heard, key = known.sequence, known.heard, access.key_thumbprint
        staleness = monotonic - heard.until
        if staleness > self._limits.get(tool, self._limit) or (key is not None and key != proven_key):
            return None
        now, certain = self._wall(), monotonic + heard.day
        if now < certain:  # noqa: PLR1730  a clock that was set back does not wake expired tokens; `max` is a call
            now = certain
        if not access.starts_at <= now < access.expires_at:
            return None
        if not known.ended.isdisjoint(access.nodes) and not self._lives(access, monotonic):
            return None
        # Past the generated constructor, which costs as much as all the look-ups above.
        return _made(Receipt, (None, _FEED, sequence, staleness * 1000, access))

    def _lives(self, access: AccessToken, monotonic: float) -> bool:
        """True iff it is neither expired nor early, and nothing above it is known to have ended."""
        # A clock that was set back does not wake expired tokens.
        now = max(self._wall(), self._known.earliest_now(monotonic))
        if not access.starts_at <= now < access.expires_at:
            return False
        minimums = self._known.minimums
        for node, generation in access.ancestors:  # noqa: SIM110  `any` costs as much as the rest of the check
            if minimums.get(node, 0) > generation:
                return False
        return True

    def _check(self, token: str, use: _Use) -> Receipt:
        """The long way: for a first use, and for whatever is not plainly good."""
        monotonic = self._monotonic()
        sequence, staleness = self._known.sequence, self._known.staleness(monotonic)  # in this order, as above
        access: AccessToken | None = None
        proof = Proof.NONE
        try:
            access = self._read(token)
            if not self._lives(access, monotonic):
                raise Untrusted(self._why_not(access, monotonic))  # noqa: TRY301  it is put on the receipt below
            if staleness <= self._limits.get(use.tool, self._limit):
                proof = Proof.FEED
            else:
                self._introspect(token, access)
                proof = self._introspection.proof
            _check_use(access, use)
        except Untrusted as refused:
            raise AccessRefused(Receipt(refused.reason, proof, sequence, staleness * 1000, access)) from None
        return Receipt(None, proof, sequence, staleness * 1000, access)

    def _read(self, token: str) -> AccessToken:
        """The token, its signature checked once: safe, as times and revocations are looked at every time."""
        found = self._signed.get(token[-_TAIL:])
        if found is not None and found[0] == token:
            return found[1]
        access = self._tokens.read(token)
        if len(self._signed) >= _KEPT:
            self._signed.clear()
        self._signed[token[-_TAIL:]] = token, access
        return access

    def _why_not(self, access: AccessToken, monotonic: float) -> Reason:
        now = max(self._wall(), self._known.earliest_now(monotonic))
        if now >= access.expires_at:
            return Reason.EXPIRED
        return Reason.NOT_YET_VALID if access.starts_at > now else Reason.REVOKED

    def _introspect(self, token: str, access: AccessToken) -> None:
        if not self._introspection.is_active(token, access):
            raise Untrusted(Reason.REVOKED)


class _Use(NamedTuple):
    """What a token is to be used for, and with what."""

    tool: str
    resource: str
    proven_key: str | None
    arguments: Mapping[str, object] | None


def _check_use(access: AccessToken, use: _Use) -> None:
    if access.key_thumbprint is not None and access.key_thumbprint != use.proven_key:
        raise Untrusted(Reason.UNPROVEN)
    if not access.allows(use.tool, use.resource, use.arguments):
        raise Untrusted(Reason.NOT_ALLOWED)
