"""Who is calling the platform, in which role. An agent that calls tools is not a platform principal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Platform-layer roles; what each may do is decided in `policy` alone."""

    VIEWER = "viewer"
    DEVELOPER = "developer"
    APPROVER = "approver"
    SECURITY_ADMIN = "security-admin"
    AUDITOR = "auditor"
    ENFORCER = "enforcer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """An authenticated platform caller.

    `id` reads in reports (`github-actions:ci-payments`, `oidc:alice@example.com`). `stack` limits writes to one stack
    and marks what they write as managed by it; None marks it as written by hand. `may_admit`: limited to a stack, it
    lets people and other stacks in all the same. `plan_only` is a pull-request run: it may read and plan, never write
    or mint. `lease` is the lease behind the token presented.
    """

    id: str
    role: Role
    teams: frozenset[str] = frozenset()
    stack: str | None = None
    may_admit: bool = False
    plan_only: bool = False
    lease: str | None = None
