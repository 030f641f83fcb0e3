"""Who can become an agent, or take a platform role: how a binding or a trust issuer moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

from leasehold.model.conditions import ClaimCondition
from leasehold.model.principal import Role
from leasehold.model.subjects import Subject
from leasehold.model.trust import TrustIssuer, Verification, WorkloadBinding
from leasehold.review.attributes import canonical_keys
from leasehold.review.moves import Move, size

ROLE_RANK = {
    Role.ENFORCER: 2,
    Role.VIEWER: 2,
    Role.AUDITOR: 3,
    Role.APPROVER: 3,
    Role.DEVELOPER: 3,
    Role.SECURITY_ADMIN: 4,
}


def issuer_shift(was: TrustIssuer, now: TrustIssuer) -> list[Move]:
    """Whose proof is believed. Another key or another issuer can prove to be any subject that is bound."""
    return [
        *([Move(+1, 4, "another issuer is believed")] if (was.issuer, was.type) != (now.issuer, now.type) else []),
        *([Move(+1, 4, "other keys are believed")] if _keys(was) != _keys(now) else []),
        *_set(was.audiences, now.audiences, "audiences"),
        *_set(was.algorithms, now.algorithms, "algorithms"),
        *_raised(was.allow_private, now.allow_private, "private addresses allowed", "private addresses refused"),
        *_raised(not was.single_use, not now.single_use, "replay allowed", "replay refused"),
        *_proof_moves(was, now),
        *_raised(
            was.software_statements,
            now.software_statements,
            "its word for clients is taken",
            "its word for clients is not taken",
        ),
        *_set_reader(was, now),
        *_watch_moves(was, now),
        *_raised(was.id_jag, now.id_jag, "its word for people is taken", "its word for people is not taken"),
        *_groups_moves(was, now),
        *([Move(+1, 4, "people log in elsewhere")] if was.login != now.login and now.login is not None else []),
        *([Move(-1, 1, "nobody logs in there")] if was.login is not None and now.login is None else []),
        *size(was.max_token_ttl, now.max_token_ttl, "older proofs accepted", "only fresher proofs accepted"),
    ]


def _proof_moves(was: TrustIssuer, now: TrustIssuer) -> Iterator[Move]:
    if was.verify is not now.verify:
        asked = now.verify is Verification.TOKEN_REVIEW
        yield Move(-1, 1, "the cluster is asked") if asked else Move(+1, 3, "the cluster is not asked any more")
    elif was.api_server is not None and (was.api_server, was.credential) != (now.api_server, now.credential):
        yield Move(+1, 4, "another API server is believed")


def _set_reader(was: TrustIssuer, now: TrustIssuer) -> Iterator[Move]:
    if was.reader_role_arn != now.reader_role_arn:
        yield Move(+1, 4, "another reader is believed about IAM's roles")


def _groups_moves(was: TrustIssuer, now: TrustIssuer) -> Iterator[Move]:
    """Groups permit and forbid: no change of whose word they are is a narrower one."""
    if was.groups_claim != now.groups_claim:
        taken = now.groups_claim is not None
        yield Move(+1, 4, "its word for groups is taken") if taken else Move(+1, 3, "its word for groups is not taken")


def _watch_moves(was: TrustIssuer, now: TrustIssuer) -> Iterator[Move]:
    if was.watch - now.watch:
        yield Move(+1, 3, "less of the cluster is watched")
    if now.watch - was.watch:
        yield Move(-1, 1, "more of the cluster is watched")


def binding_shift(was: WorkloadBinding, now: WorkloadBinding) -> list[Move]:
    """Who may become what."""
    return [*_subject_moves(was, now), *_target_moves(was, now), *_deployment_moves(was, now)]


def _subject_moves(was: WorkloadBinding, now: WorkloadBinding) -> Iterator[Move]:
    if not _covers(was, now):
        yield Move(+1, 3, "another subject is let in")
    if not _covers(now, was):
        yield Move(-1, 1, "a subject is shut out")


def _target_moves(was: WorkloadBinding, now: WorkloadBinding) -> Iterator[Move]:
    if was.agent != now.agent:
        yield Move(+1, 3, "the subject becomes another agent")
    if was.role != now.role and now.role is not None:
        yield Move(+1 if now.role is not Role.VIEWER else -1, ROLE_RANK[now.role], f"role {now.role.value}")
    if now.teams - was.teams:
        yield Move(+1, 3, "more teams")
    if was.teams - now.teams:
        yield Move(-1, 1, "fewer teams")
    yield from size(was.may_admit, now.may_admit, "it may let others in beyond its stack", "it lets nobody in")
    if was.stack != now.stack:
        yield Move(+1, 3, "another stack") if was.stack is not None else Move(-1, 1, "limited to a stack")


def _deployment_moves(was: WorkloadBinding, now: WorkloadBinding) -> Iterator[Move]:
    if was.deployment != now.deployment:
        yield Move(0, 2, "leases hang on another deployment")


def subject(binding: WorkloadBinding) -> Subject:
    """The subject that a binding names; exactly one is given."""
    return binding.subject


def matches_all(wide: Subject, narrow: Subject) -> bool:
    """True iff every proof that `narrow` admits is admitted by `wide`: each pin is absent from `wide`, or the same.

    A pin that is a flag admits more when it is set.
    """
    if type(wide) is not type(narrow):
        return False
    pins = [(getattr(wide, f.name), getattr(narrow, f.name)) for f in fields(wide)]
    return all(pin is None or pin is True or pin == other for pin, other in pins)


def _covers(wide: WorkloadBinding, narrow: WorkloadBinding) -> bool:
    same_issuer = wide.trust_issuer == narrow.trust_issuer
    return same_issuer and matches_all(wide.subject, narrow.subject) and _conditions_in(wide.claims, narrow.claims)


def _conditions_in(wide: Mapping[str, ClaimCondition], narrow: Mapping[str, ClaimCondition]) -> bool:
    """Every condition of `wide` stands in `narrow` too: conditions only take away."""
    return all(narrow.get(path) == condition for path, condition in wide.items())


def _keys(issuer: TrustIssuer) -> tuple[str | None, str | None]:
    return (canonical_keys(issuer.jwks) if issuer.jwks is not None else None, issuer.jwks_uri)


def _set(was: frozenset[str], now: frozenset[str], noun: str) -> list[Move]:
    return [
        *([Move(+1, 3, f"more {noun}")] if now - was else []),
        *([Move(-1, 1, f"fewer {noun}")] if was - now else []),
    ]


def _raised(was: bool, now: bool, more: str, less: str) -> list[Move]:
    return [Move(move.way, 3, move.factor) if move.way > 0 else move for move in size(was, now, more, less)]
