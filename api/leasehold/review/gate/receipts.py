"""Receipts: a verdict signed over exactly the change that it is about, approved by a person where rules ask for one.

A receipt says all that it takes to check it. What changes between approval and apply has another transition, and no
place in the tree that was signed. That a change was approved is on record: its next review is told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Protocol

from leasehold.model.errors import Forbidden, InvalidValue
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.patterns import covers
from leasehold.model.principal import Principal
from leasehold.model.receipts import (
    RECEIPT_TYPE,
    Approval,
    Bundle,
    Presented,
    ReceiptRefused,
    Transition,
    leads_to,
    tree_of,
)
from leasehold.model.tokens import TokenProfile, TokenRefused, UnverifiedToken, VerifiedClaims
from leasehold.policy.decision import Permit
from leasehold.review.findings import WIRE
from leasehold.review.gate.delta import SemanticDelta, meaning, means_the_same
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Whether writes of the stacks need a receipt, and why the one that was shown does not cover some changes."""

    __pydantic_config__: ClassVar[dict[str, object]] = WIRE
    required: bool
    refused: str | None = None


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
    """A review that is to be signed: what it said, of which change, of which stacks, and who asked.

    `approvals` are those of this very change that are on record, newest first.
    """

    report: GateReport
    delta: SemanticDelta
    stacks: frozenset[str]
    author: Principal
    approvals: tuple[Approval, ...] = ()

    def approval(self, now: datetime) -> Approval | None:
        """The newest approval that holds for it."""
        return next((one for one in self.approvals if self._holds(one, now)), None)

    def _holds(self, one: Approval, now: datetime) -> bool:
        same = (one.delta, one.rules) == (self.report.delta, self.report.rules)
        awaited = self.report.verdict is Verdict.NEEDS_APPROVAL
        return awaited and same and self.stacks <= one.stacks and now < one.until and one.by != self.author.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """Makes receipts, has them approved, and checks writes against them. `draw` makes 32 random hex digits."""

    issuer: str
    mint: Mint
    verifier: Verifier
    rules: Rules
    draw: Draw

    async def issue(self, reviewed: Reviewed, now: datetime) -> Receipt:
        """The receipt of a review, to be approved if the rules ask for it and nobody has."""
        claims: dict[str, object] = {
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
        if (approval := reviewed.approval(now)) is not None:
            claims |= {"exp": int(approval.until.timestamp()), "approved_by": approval.by}
        proofs = tree_of(reviewed.delta.transitions).proofs
        objects = {f"{kind}/{name}": proof or "-" for (kind, name), proof in sorted(proofs.items())}
        return self._receipt(claims, await self.mint.sign(claims), objects)

    async def answer(self, reviewed: Reviewed, bundle: Bundle | None, now: datetime) -> tuple[Receipt, str | None]:
        """The receipt that was shown, if it lets the plan through; else one of its own, and why not."""
        refused = None
        if bundle is not None:
            try:
                covering = self.covering(reviewed, bundle, now)
            except ReceiptRefused as error:
                refused = str(error)
            else:
                if reviewed.report.verdict is not Verdict.DENY:
                    return covering, None
        return await self.issue(reviewed, now), refused

    def covering(self, reviewed: Reviewed, bundle: Bundle, now: datetime) -> Receipt:
        """The receipt of an earlier review, if it lets all of this one be written. Raises `ReceiptRefused`.

        What was written since needs it no more: of an apply that stopped half way, the rest is covered.
        """
        claims = self._granted(bundle.unverified_receipt, reviewed.stacks, now)
        if reviewed.report.delta != claims["delta"]:
            self._check_all(reviewed.delta, bundle, claims)
        return self._receipt(claims, bundle.unverified_receipt, bundle.proofs)

    def covers(self, delta: SemanticDelta, stacks: AbstractSet[str], bundle: Bundle, now: datetime) -> Coverage:
        """Whether a receipt lets these changes be written, asked while they are planned: before the first write."""
        required = any(map(self.required, stacks))
        try:
            if delta.transitions:
                self._check_all(delta, bundle, self._granted(bundle.unverified_receipt, stacks, now))
        except ReceiptRefused as refused:
            return Coverage(required=required, refused=str(refused))
        return Coverage(required=required)

    async def approve(
        self, receipt_id: str, unverified_receipt: str, permit: Permit, now: datetime
    ) -> tuple[Receipt, Approval]:
        """The same receipt, approved, and what is to be remembered of it. Raises `ReceiptRefused`, `Forbidden`."""
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
        receipt = self._receipt(approved, await self.mint.sign(approved), {})
        stacks = claims["stacks"]
        return receipt, Approval(
            receipt=receipt.id,
            delta=str(claims["delta"]),
            stacks=frozenset(map(str, stacks)) if isinstance(stacks, list) else frozenset(),
            rules=self.rules.digest,
            by=principal.id,
            at=now,
            until=receipt.expires_at,
        )

    def gate(self, presented: Presented | None, now: datetime) -> WriteGate:
        """What one request's writes are held to."""
        return WriteGate(self, presented, now)

    def required(self, stack: str | None) -> bool:
        """True if writes of this stack need a receipt."""
        return stack is not None and any(covers(pattern, stack) for pattern in self.rules.receipts)

    def check(
        self, stack: str | None, transition: Transition, presented: Presented | None, now: datetime
    ) -> Mapping[str, object]:
        """Raise `ReceiptRefused` unless the receipt lets this transition through; else its claims."""
        if presented is None:
            what = f"{transition.kind}/{transition.name}"
            raise ReceiptRefused(f"writes of stack `{stack}` need the receipt of a reviewed plan, `{what}` has none")
        claims = self._granted(presented.unverified_receipt, frozenset({stack}), now)
        self._check_led(transition, presented, claims)
        return claims

    def _granted(self, unverified_receipt: str, stacks: AbstractSet[str | None], now: datetime) -> Mapping[str, object]:
        """The claims of a receipt that lets plans of these stacks be applied."""
        claims = self._verified(unverified_receipt, now).claims
        granted = claims["stacks"]
        if not isinstance(granted, list) or not stacks <= set(granted):
            raise ReceiptRefused("the receipt is of another stack")
        if claims.get("rules") != self.rules.digest:
            raise ReceiptRefused("the rules have changed since the review: review the plan again")
        if not _lets_through(claims):
            raise ReceiptRefused("the plan is not approved")
        return claims

    def _check_all(self, delta: SemanticDelta, bundle: Bundle, claims: Mapping[str, object]) -> None:
        for one in delta.transitions:
            self._check_led(one, bundle.presented(one.kind, one.name), claims)

    def _check_led(self, transition: Transition, presented: Presented, claims: Mapping[str, object]) -> None:
        if not leads_to(transition, presented.proof, str(claims["delta"])):
            what = f"{transition.kind}/{transition.name}"
            raise ReceiptRefused(f"`{what}` is not changed as it was reviewed: review the plan again")

    def _receipt(self, claims: Mapping[str, object], token: str, objects: Mapping[str, str]) -> Receipt:
        approved_by, stacks = claims.get("approved_by"), claims["stacks"]
        return Receipt(
            id=str(claims["jti"]),
            verdict=Verdict(str(claims["verdict"])),
            granted=_lets_through(claims),
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

    def check(
        self, principal: Principal, kind: Kind, name: str, before: Spec | None, after: Spec | None
    ) -> Mapping[str, str]:
        """What let a write through, for the record. Raise `ReceiptRefused` if it changes a meaning and nothing did."""
        if not self.receipts.required(principal.stack):
            return {}
        if means_the_same(before, after):
            return {}
        transition = Transition(kind.value, name, meaning(before), meaning(after))
        claims = self.receipts.check(principal.stack, transition, self.presented, self.now)
        said = {"receipt": claims["jti"], "approved_by": claims.get("approved_by")}
        return {name: str(value) for name, value in said.items() if value is not None}


def _lets_through(claims: Mapping[str, object]) -> bool:
    approved = claims["verdict"] == Verdict.NEEDS_APPROVAL and bool(claims.get("approved_by"))
    return claims["verdict"] == Verdict.AUTO or approved


def receipt_id(text: str) -> str:
    """The id of a receipt. Raises `InvalidValue`."""
    if not _ID.fullmatch(text):
        raise InvalidValue("a receipt is named by r_ and 32 hex digits")
    return text
