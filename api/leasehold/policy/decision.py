"""What policy answers. A denial is a value; a permit is what state-changing use cases ask to be handed."""

from __future__ import annotations

from dataclasses import dataclass

from leasehold.model.principal import Principal


@dataclass(frozen=True, slots=True)
class Permit:
    """`principal` may do `action` to objects of `kind`. Only `policy` may construct one; a test enforces it."""

    principal: Principal
    action: str
    kind: str


@dataclass(frozen=True, slots=True)
class Deny:
    """Why not, in words that the caller may read."""

    reason: str
