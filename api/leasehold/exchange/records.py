"""The values of one exchange: what was asked, what was decided, the lease, and the events that tell of it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leasehold.authn.subjects import Subject
from leasehold.exchange.claims import subject_of
from leasehold.exchange.refusals import Reason
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.leases import REGISTRY, Ancestor, Lease, Node
from leasehold.model.possession import FirstUse, Possession
from leasehold.model.status import StatusPlace
from leasehold.model.tasks import TaskWish
from leasehold.model.tokens import UnverifiedToken
from leasehold.model.trust import WorkloadBinding
from leasehold.policy.leasing import LeasePermit

ANONYMOUS = "anonymous"
_SHOWN = 256
_DIGEST = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRequest:
    """What a client asks for. `scopes` None asks for all that is granted; `agent` and `stack` settle a choice.

    `details` is the `authorization_details` parameter, read as JSON and no further.
    """

    subject_token: UnverifiedToken = field(repr=False)
    resource: str
    scopes: frozenset[str] | None = None
    details: object = None
    agent: str | None = None
    stack: str | None = None
    proof: Possession | None = None
    task: TaskWish | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """A permit, the binding it rests on, and the generations that were true when it was given."""

    permit: LeasePermit
    binding_name: str
    binding: WorkloadBinding
    generations: Mapping[Node, int]


def new_lease(decided: Decided, lease_id: str, place: StatusPlace, now: datetime, task: str | None) -> Lease:
    """The lease of a permit; its token is not made yet."""
    subject = subject_of(decided.permit, decided.binding_name, decided.binding)
    return lease_of(decided.permit, decided.generations, decided.binding_name, subject, lease_id, place, now, task)


def lease_of(  # noqa: PLR0913, PLR0917  a lease is that much
    permit: LeasePermit,
    generations: Mapping[Node, int],
    binding: str,
    subject: str,
    lease_id: str,
    place: StatusPlace,
    now: datetime,
    task: str | None,
) -> Lease:
    """A lease with this subject. `binding` is empty where the agent proved itself as a client."""
    return Lease(
        id=lease_id,
        subject=subject,
        agent=permit.agent,
        deployment=permit.deployment,
        binding=binding,
        audience=permit.audience,
        scopes=permit.promised,
        ancestors=tuple([Ancestor(node, generations[node]) for node in (REGISTRY, *permit.nodes)]),
        token_sha256="",
        issued_at=now.replace(microsecond=0),
        expires_at=permit.expires_at,
        task=task,
        status=place,
    )


def first_use(subject: Subject) -> FirstUse | None:
    """What may be used only once, where the issuer is configured so: the `jti`, else the token as it was signed."""
    if not subject.single_use:
        return None
    token_id = subject.verified.token_id
    unique = f"jti:{token_id}" if token_id is not None else f"token:{subject.verified.digest}"
    digest = hashlib.sha256(unique.encode()).hexdigest()
    return FirstUse(subject.verified.issuer, digest, subject.verified.expires_at)


def issuance(request: ExchangeRequest, subject: Subject, decided: Decided, lease: Lease) -> AuditEvent:
    """A token was issued."""
    detail = {
        **_asked(request, subject),
        "binding": decided.binding_name,
        "deployment": lease.deployment,
        "scopes": sorted(lease.scopes),
        "expires_at": lease.expires_at.isoformat(),
        **_run(subject),
    }
    return AuditEvent(
        at=lease.issued_at,
        principal=lease.subject,
        action="exchange",
        kind="leases",
        name=lease.id,
        outcome=Outcome.OK,
        stack=decided.binding.stack,
        detail=detail,
    )


def refusal(request: ExchangeRequest, subject: Subject | None, reason: Reason, now: datetime) -> AuditEvent:
    """No token was issued, and why."""
    known = f"{subject.trust_issuer}:{subject.verified.subject}"[:_SHOWN] if subject is not None else ANONYMOUS
    return AuditEvent(
        at=now,
        principal=known,
        action="exchange",
        kind="leases",
        name="",
        outcome=Outcome.DENIED,
        reason=reason.value,
        detail=_asked(request, subject),
    )


def _asked(request: ExchangeRequest, subject: Subject | None) -> dict[str, object]:
    """Who asked for what: digests of tokens, never tokens; a stranger's text is cut and made printable."""
    token = hashlib.sha256(request.subject_token.encode(errors="replace")).hexdigest()[:_DIGEST]
    asked: dict[str, object] = {"subject_token_sha256": token, "resource": printable(request.resource)}
    if request.agent is not None:
        asked["client_id"] = printable(request.agent)
    if subject is not None:
        asked["trust_issuer"] = subject.trust_issuer
        asked["subject"] = subject.verified.subject[:_SHOWN]
    return asked


def _run(subject: Subject) -> dict[str, str]:
    """The run of a pipeline that a token speaks for, where its issuer says so: what a cause leads back to."""
    run, repository = getattr(subject.identity, "run_id", None), getattr(subject.identity, "repository", None)
    if not isinstance(run, str):
        return {}
    return {"run": printable(f"{repository} run {run}" if isinstance(repository, str) else run)}


def printable(text: str) -> str:
    """A stranger's text for the audit log: cut, and made printable."""
    shown = text[:_SHOWN]
    return shown if shown.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in shown)
