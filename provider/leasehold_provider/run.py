"""One run of Terraform: the registry it is configured for, and what it has planned and seen so far.

Terraform shows the provider one resource at a time. What was planned before is remembered here, so that a reference to
an object of the same run is not taken for a mistake. Terraform plans what a resource refers to first.
"""

from __future__ import annotations

from .protocol import DiagnosticError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .registry import Registry

    Values = dict[str, Any]
    Key = tuple[str, str]

_NOT_CONFIGURED = """\
the provider block leaves a value that is not known yet, such as an endpoint that another resource makes; apply that
resource first"""


class Run:
    """What the resources of one provider process share. Single dict and set operations: safe among threads."""

    def __init__(self) -> None:
        self._registry: Registry | None = None
        self._planned: dict[Key, Values] = {}
        self._creating: set[Key] = set()
        self._created: set[Key] = set()
        self._in_state: set[Key] = set()
        self.unnamed: list[tuple[str, Values]] = []
        """Planned objects whose names are not known yet."""
        self.changes_planned = False
        self.writes_begun = False
        """True in the walk that applies: what is planned there is not all that was."""

    @property
    def registry(self) -> Registry:
        """The registry that `configure` set up."""
        if self._registry is None:
            raise DiagnosticError("Provider not configured", _NOT_CONFIGURED)
        return self._registry

    def start(self, registry: Registry | None) -> None:
        """Begin anew with this registry."""
        self.__init__()  # type: ignore[misc]  # nothing of an earlier run may stay
        self._registry = registry

    def close(self) -> None:
        """Give back the registry token."""
        if self._registry is not None:
            self._registry.close()

    def saw_in_state(self, kind: str, name: str) -> None:
        """Remember that Terraform holds this object in its state, so that it may be replaced."""
        self._in_state.add((kind, name))

    def is_in_state(self, kind: str, name: str) -> bool:
        """True if Terraform showed us this object in its state."""
        return (kind, name) in self._in_state

    def plan(self, kind: str, name: str, values: Values) -> None:
        """Remember what will live under this name."""
        self._planned[(kind, name)] = values

    def planned(self, kind: str, name: str) -> Values | None:
        """What this run will write under this name; its values may be unknown."""
        return self._planned.get((kind, name))

    def every_planned(self) -> list[tuple[Key, Values]]:
        """All that this run will write or leave as it is, in order."""
        return sorted(self._planned.items(), key=lambda pair: pair[0])

    def planned_names(self, kind: str) -> list[str]:
        """The names of a kind that this run will write."""
        return [name for of, name in list(self._planned) if of == kind]

    def plan_creation(self, kind: str, name: str) -> bool:
        """Remember a planned creation; False if this run plans to create the same object twice."""
        return _first(self._creating, (kind, name))

    def begin_creation(self, kind: str, name: str) -> bool:
        """Remember a creation; False if this run has created the same object before."""
        return _first(self._created, (kind, name))

    def forget_creation(self, kind: str, name: str) -> None:
        """The creation failed, or the object was deleted since: it may be created again."""
        self._created.discard((kind, name))


def _first(seen: set[Key], key: Key) -> bool:
    before = len(seen)
    seen.add(key)
    return len(seen) > before
