"""What the user reads when something is wrong: summary, detail and the attribute it is about."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeAlias

    Step: TypeAlias = "str | int | Key"

ERROR = 1
WARNING = 2


class Key(str):
    """A path step that is the key of a map; a plain `str` step is an attribute name, an `int` a list index."""

    __slots__ = ()


class Diagnostic:
    """One error or warning. `path` is e.g. `("labels", Key("env"))` or `("rules", 0, "port")`."""

    __slots__ = ("detail", "path", "severity", "summary")

    def __init__(self, severity: int, summary: str, detail: str = "", path: Sequence[Step] = ()) -> None:
        self.severity = severity
        self.summary = summary
        self.detail = detail
        self.path = tuple(path)

    def __repr__(self) -> str:
        return f"Diagnostic({self.severity}, {self.summary!r}, path={self.path!r})"

    @classmethod
    def error(cls, summary: str, detail: str = "", path: Sequence[Step] = ()) -> Diagnostic:
        """Build a diagnostic that stops the run."""
        return cls(ERROR, summary, detail, path)

    @classmethod
    def warning(cls, summary: str, detail: str = "", path: Sequence[Step] = ()) -> Diagnostic:
        """Build a diagnostic that Terraform shows and goes on."""
        return cls(WARNING, summary, detail, path)

    def under(self, prefix: Sequence[Step]) -> Diagnostic:
        """Return the same diagnostic about the same thing one level further out."""
        return Diagnostic(self.severity, self.summary, self.detail, (*prefix, *self.path))


class DiagnosticError(Exception):
    """Raise anywhere in provider code to end the operation with one error for the user."""

    def __init__(self, summary: str, detail: str = "", path: Sequence[Step] = ()) -> None:
        super().__init__(summary)
        self.diagnostic = Diagnostic.error(summary, detail, path)


def path_message(path: Sequence[Step]) -> dict[str, Any]:
    """Write a path as the protocol's AttributePath message."""
    return {"steps": [_step_message(step) for step in path]}


def _step_message(step: Step) -> dict[str, Any]:
    if isinstance(step, int):
        return {"element_key_int": step}
    if isinstance(step, Key):
        return {"element_key_string": str(step)}
    return {"attribute_name": step}


def diagnostic_message(diagnostic: Diagnostic) -> dict[str, Any]:
    """Write a diagnostic as the protocol's Diagnostic message."""
    message: dict[str, Any] = {
        "severity": diagnostic.severity,
        "summary": diagnostic.summary,
        "detail": diagnostic.detail,
    }
    if diagnostic.path:
        message["attribute"] = path_message(diagnostic.path)
    return message
