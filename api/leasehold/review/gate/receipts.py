"""Receipts: a verdict signed over exactly the change that it is about, approved by a person where rules ask for one.

Nothing is stored: a receipt says all that it takes to check it. What changes between approval and apply has another
transition, and no place in the tree that was signed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Protocol

from leasehold.model.errors import Forbidden, InvalidValue
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.patterns import covers
from leasehold.model.principal import Principal
from leasehold.model.receipts import RECEIPT_TYPE, Presented, ReceiptRefused, Transition, leads_to, tree_of
from leasehold.model.tokens import TokenProfile, TokenRefused, UnverifiedToken, VerifiedClaims
from leasehold.policy.decision import Permit
from leasehold.review.attributes import deltas
from leasehold.review.findings import WIRE
from leasehold.review.gate.delta import SemanticDelta, meaning
from leasehold.review.gate.rules import Rules, Verdict
from leasehold.review.gate.verdicts import GateReport

TTL = timedelta(hours=24)
AUDIENCE = "urn:leasehold:plan-receipt"
_ID = re.compile(r"r_[0-9a-f]{32}")
_TEXTS = ("author", "delta", "rules", "verdict")


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a pipeline keeps of a review: `token` is signed; `objects` has a proof for each object that changes.

    `approved_by` is null while nobody has approved. `granted`: it lets the plan be applied. `required`: what a stack of
    the review writes is refused without it.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    id: str
    verdict: Verdict
    granted: bool
    approved_by: str | None
    expires_at: datetime
    token: str
    objects: Mapping[str, str] = field(default_factory=dict)
    required: bool = False


class Mint(Protocol):
    """Signs claims. Raises `Unavailable`."""

    async def sign(self, claims: Mapping[str, object]) -> str: ...


class Verifier(Protocol):
    """Verifies what this registry signed. Raises `TokenRefused`."""

    def verify(self, unverified_token: UnverifiedToken, profile: TokenProfile, now: datetime, /) -> VerifiedClaims: ...


class Draw(Protocol):
    """Chance, passed in."""

    def __call__(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A review that is to be signed: what it said, of which change, of which stacks, and who asked."""

    report: GateReport
    delta: SemanticDelta
    stacks: frozenset[str]
    author: Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """Makes receipts, has them approved, and checks writes against them. `draw` makes 32 random hex digits."""

    issuer: str
    mint: Mint
    verifier: Verifier
    rules: Rules
    draw: Draw

    async def issue(self, reviewed: Reviewed, now: datetime) -> Receipt:
        """The receipt of a review, to be approved if the rules ask for it."""
        claims = {
            "iss": self.issuer,
            "sub": reviewed.author.id,
            "aud": AUDIENCE,
            "iat": int(now.timestamp()),
            "exp": int((now + TTL).timestamp()),
            "jti": f"r_{self.draw()}",
            "author": reviewed.author.id,
            "stacks": sorted(reviewed.stacks),
            "delta": reviewed.report.delta,
            "rules": reviewed.report.rules,
            "verdict": reviewed.report.verdict.value,
        }
        proofs = tree_of(reviewed.delta.transitions).proofs
        objects = {f"{kind}/{name}": proof or "-" for (kind, name), proof in sorted(proofs.items())}
        return self._receipt(claims, await self.mint.sign(claims), objects)

    async def approve(self, receipt_id: str, unverified_receipt: str, permit: Permit, now: datetime) -> Receipt:
        """The same receipt, approved. Raises `ReceiptRefused`, `Forbidden`."""
        claims = dict(self._verified(unverified_receipt, now).claims)
        principal = permit.principal
        if claims["jti"] != receipt_id:
            raise ReceiptRefused("the receipt has another id")
        if claims["verdict"] == Verdict.DENY:
            raise Forbidden("a plan that the rules deny is not to be approved: change the plan, or the rules")
        if principal.id == claims["author"]:
            raise Forbidden("who asked for a review does not approve it")
        if claims.get("rules") != self.rules.digest:
            raise ReceiptRefused("the rules have changed since the review: review the plan again")
        approved = {**claims, "iat": int(now.timestamp()), "approved_by": principal.id}
        return self._receipt(approved, await self.mint.sign(approved), {})

    def gate(self, presented: Presented | None, now: datetime) -> WriteGate:
        """What one request's writes are held to."""
        return WriteGate(self, presented, now)

    def required(self, stack: str | None) -> bool:
        """True if writes of this stack need a receipt."""
        return stack is not None and any(covers(pattern, stack) for pattern in self.rules.receipts)

    def check(self, stack: str | None, transition: Transition, presented: Presented | None, now: datetime) -> None:
        """Raise `ReceiptRefused` unless the receipt lets this transition through."""
        what = f"{transition.kind}/{transition.name}"
        if presented is None:
            raise ReceiptRefused(f"writes of stack `{stack}` need the receipt of a reviewed plan, `{what}` has none")
        claims = self._verified(presented.unverified_receipt, now).claims
        stacks = claims["stacks"]
        if not isinstance(stacks, list) or stack not in stacks:
            raise ReceiptRefused("the receipt is of another stack")
        if claims.get("rules") != self.rules.digest:
            raise ReceiptRefused("the rules have changed since the review: review the plan again")
        if claims["verdict"] != Verdict.AUTO and not (
            claims["verdict"] == Verdict.NEEDS_APPROVAL and claims.get("approved_by")
        ):
            raise ReceiptRefused("the plan is not approved")
        if not leads_to(transition, presented.proof, str(claims["delta"])):
            raise ReceiptRefused(f"`{what}` is not changed as it was reviewed: review the plan again")

    def _receipt(self, claims: Mapping[str, object], token: str, objects: Mapping[str, str]) -> Receipt:
        verdict, approved_by, stacks = Verdict(str(claims["verdict"])), claims.get("approved_by"), claims["stacks"]
        return Receipt(
            id=str(claims["jti"]),
            verdict=verdict,
            granted=verdict is Verdict.AUTO or (verdict is Verdict.NEEDS_APPROVAL and approved_by is not None),
            approved_by=str(approved_by) if approved_by is not None else None,
            expires_at=datetime.fromtimestamp(int(str(claims["exp"])), tz=UTC),
            token=token,
            objects=objects,
            required=isinstance(stacks, list) and any(map(self.required, stacks)),
        )

    def _verified(self, unverified_receipt: str, now: datetime) -> VerifiedClaims:
        profile = TokenProfile(
            issuer=self.issuer,
            audiences=frozenset({AUDIENCE}),
            algorithms=frozenset({"ES256"}),
            types=frozenset({RECEIPT_TYPE}),
            required=frozenset({"jti", "stacks", *_TEXTS}),
            max_ttl=TTL,
        )
        try:
            return self.verifier.verify(UnverifiedToken(unverified_receipt), profile, now)
        except TokenRefused as refused:
            raise ReceiptRefused(f"the receipt is not accepted: {refused.flaw.value}") from None


@dataclass(frozen=True, slots=True)
class WriteGate:
    """Holds the writes of one request to what it presented."""

    receipts: Receipts
    presented: Presented | None
    now: datetime

    def check(self, principal: Principal, kind: Kind, name: str, before: Spec | None, after: Spec | None) -> None:
        """Raise `ReceiptRefused` for a write that means something else and was not let through."""
        if not self.receipts.required(principal.stack):
            return
        if before is not None and after is not None and not deltas(before, after):
            return
        transition = Transition(kind.value, name, meaning(before), meaning(after))
        self.receipts.check(principal.stack, transition, self.presented, self.now)


def receipt_id(text: str) -> str:
    """The id of a receipt. Raises `InvalidValue`."""
    if not _ID.fullmatch(text):
        raise InvalidValue("a receipt is named by r_ and 32 hex digits")
    return text
