"""What can stop the work, each with a stable `code`; no HTTP in here (`web/problems.py` maps codes to statuses)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class LeaseholdError(Exception):
    """Base of all errors that a caller may see; `str(error)` is safe to show: it never holds a secret."""

    code = "internal"

    @property
    def members(self) -> Mapping[str, object]:
        """Extra members of the problem document (RFC 9457 §3.2)."""
        return {}


class InvalidValue(ValueError):
    """A value breaks a rule of its noun. A `ValueError`, so that a parsing door reports the path to it."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with a body: `path` is dotted from the body's root, `""` for the body itself.

    `line`, from 1, is within the text that stands at `path`, where that is a document of its own.
    """

    path: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        where = [*([self.path] if self.path else []), *([f"line {self.line}"] if self.line is not None else [])]
        return ": ".join([*where, self.message])

    @property
    def members(self) -> Mapping[str, object]:
        """As a member of a problem document."""
        line = {} if self.line is None else {"line": self.line}
        return {"path": self.path, "message": self.message, **line}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One attribute that changed on a live object since a revision."""

    path: str
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class Revised:
    """Who wrote one revision, and what it changed."""

    revision: int
    by: str
    at: str
    operation: str
    changes: tuple[FieldChange, ...] = field(default=())


class InvalidBody(LeaseholdError):
    """The body is well-formed JSON but not a valid object."""

    code = "invalid_body"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(map(str, self.errors)))

    @property
    def members(self) -> Mapping[str, object]:
        return {"errors": [dict(error.members) for error in self.errors]}


class UnknownReference(LeaseholdError):
    """The body names an object that does not exist; `suggestions` are names that look alike."""

    code = "unknown_reference"

    def __init__(self, path: str, kind: str, name: str, suggestions: Sequence[str] = ()) -> None:
        self.path, self.kind, self.name, self.suggestions = path, kind, name, tuple(suggestions)
        hint = f"; did you mean `{self.suggestions[0]}`?" if self.suggestions else ""
        super().__init__(f"{path}: no {kind} named `{name}`{hint}")

    @property
    def members(self) -> Mapping[str, object]:
        return {"path": self.path, "kind": self.kind, "name": self.name, "suggestions": list(self.suggestions)}


class NotFound(LeaseholdError):
    """No such object, or none that this caller may know of."""

    code = "not_found"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"no {kind} named `{name}`")


class PreconditionRequired(LeaseholdError):
    """A write came without `If-Match` or `If-None-Match: *` (RFC 6585 §3)."""

    code = "precondition_required"


class PreconditionFailed(LeaseholdError):
    """The live object is not the one the caller saw (RFC 9110 §13.1); says what changed since."""

    code = "precondition_failed"

    def __init__(self, message: str, *, current_revision: int | None, since: Sequence[Revised] = ()) -> None:
        self.current_revision, self.since = current_revision, tuple(since)
        super().__init__(message)

    @property
    def members(self) -> Mapping[str, object]:
        since = [
            {
                "revision": r.revision,
                "by": r.by,
                "at": r.at,
                "operation": r.operation,
                "changes": [{"path": c.path, "before": c.before, "after": c.after} for c in r.changes],
            }
            for r in self.since
        ]
        return {"current_revision": self.current_revision, "changed_since": since}


class InUse(LeaseholdError):
    """The object cannot go because others refer to it."""

    code = "in_use"

    def __init__(self, kind: str, name: str, referrers: Sequence[str]) -> None:
        self.referrers = tuple(referrers)
        super().__init__(f"{kind} `{name}` is still referred to by {', '.join(f'`{r}`' for r in self.referrers[:10])}")

    @property
    def members(self) -> Mapping[str, object]:
        return {"referrers": list(self.referrers)}


class DeploymentEnded(LeaseholdError):
    """A heartbeat came too late: the deployment has ended, and its workload does not bring it back."""

    code = "deployment_ended"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"deployment `{name}` missed a heartbeat and has ended: write it anew, or have a controller beat"
        )


class ManagedElsewhere(LeaseholdError):
    """The object belongs to another stack, which is named."""

    code = "managed_elsewhere"

    def __init__(self, kind: str, name: str, stack: str) -> None:
        self.stack = stack
        super().__init__(f"{kind} `{name}` is managed by stack `{stack}`")

    @property
    def members(self) -> Mapping[str, object]:
        return {"stack": self.stack}


class AboveCeiling(LeaseholdError):
    """A grant exceeds a ceiling; carries the ceiling and a counterexample (`tool` on `resource`)."""

    code = "above_ceiling"

    def __init__(self, message: str, *, ceiling: str | None, tool: str, resource: str) -> None:
        self.ceiling, self.tool, self.resource = ceiling, tool, resource
        super().__init__(message)

    @property
    def members(self) -> Mapping[str, object]:
        return {"ceiling": self.ceiling, "tool": self.tool, "resource": self.resource}


class Unauthenticated(LeaseholdError):
    """No credential, or none that holds. The detail is for audit only, callers get one message."""

    code = "unauthenticated"


class Anonymous(Unauthenticated):
    """No credential at all: there is nothing to say of it."""


class Forbidden(LeaseholdError):
    """The principal may not do this; the message names the missing role, never another's data."""

    code = "forbidden"


class Unavailable(LeaseholdError):
    """The store or another dependency does not answer; nothing was written."""

    code = "unavailable"
