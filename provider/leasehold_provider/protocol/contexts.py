"""What an operation gets to know and may change: one context object per kind of operation.

Every context collects diagnostics (`warn`, `error`) and, where Terraform keeps it, a `private` dict of the provider's
own that must hold no secret (Terraform stores it in its state in the clear) and survives from call to call.
"""

from __future__ import annotations

from .diagnostics import Diagnostic
from .private import PrivateState
from .unknown import UNKNOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .diagnostics import Step

    Values = dict[str, Any]


def _never() -> bool:
    return False


class Context:
    """Collects what the user should read, and knows whether Terraform has asked to stop (Ctrl-C)."""

    def __init__(self, stop_requested: Callable[[], bool] = _never) -> None:
        self.diagnostics: list[Diagnostic] = []
        self._stop_requested = stop_requested

    @property
    def stopping(self) -> bool:
        """True once Terraform asked for an early end: a long wait should save what it has and raise."""
        return self._stop_requested()

    def warn(self, summary: str, detail: str = "", path: Sequence[Step] = ()) -> None:
        """Add a warning and go on."""
        self.diagnostics.append(Diagnostic.warning(summary, detail, path))

    def error(self, summary: str, detail: str = "", path: Sequence[Step] = ()) -> None:
        """Add an error and go on, so that several can be told at once; the operation fails when it returns."""
        self.diagnostics.append(Diagnostic.error(summary, detail, path))

    @property
    def failed(self) -> bool:
        """True once an error was added."""
        return any(item.severity == 1 for item in self.diagnostics)


class _PrivateContext(Context):
    def __init__(self, private: bytes, stop_requested: Callable[[], bool] = _never) -> None:
        super().__init__(stop_requested)
        self._private = PrivateState(private)

    @property
    def private(self) -> Values:
        """The provider's own JSON-able dict beside the state; change it in place."""
        return self._private.values

    def private_bytes(self) -> bytes:
        """Return what Terraform should store; untouched bytes stay as they came."""
        return self._private.dump()


class ConfigureContext(Context):
    """The provider's configuration; values of it may be unknown while planning."""

    def __init__(self, config: Values, terraform_version: str, stop_requested: Callable[[], bool] = _never) -> None:
        super().__init__(stop_requested)
        self.config = config
        self.terraform_version = terraform_version


class PlanContext(_PrivateContext):
    """One planned change. `prior` is None on create, `planned` and `config` are None on destroy.

    `planned` already holds defaults, kept and unknown computed values; change it in place. Computed values alone may
    be changed: Terraform refuses a plan that contradicts the configuration.
    """

    def __init__(
        self,
        *,
        prior: Values | None,
        planned: Values | None,
        config: Values | None,
        identity: Values | None = None,
        private: bytes = b"",
        stop_requested: Callable[[], bool] = _never,
    ) -> None:
        super().__init__(private, stop_requested)
        self.prior = prior
        self.planned = planned
        self.config = config
        self.identity = identity
        self.requires_replace: list[tuple[Step, ...]] = []

    @property
    def creating(self) -> bool:
        """True when there is no such object yet (also for the second half of a replacement)."""
        return self.prior is None

    @property
    def destroying(self) -> bool:
        """True when the object is to go; there is nothing to change then, but errors stop it."""
        return self.planned is None

    @property
    def changing(self) -> bool:
        """True when an existing object is to be changed."""
        return self.prior is not None and self.planned is not None and self.planned != self.prior

    def set_unknown(self, *names: str) -> None:
        """Declare computed attributes to be known only after apply."""
        if self.planned is not None:
            self.planned.update(dict.fromkeys(names, UNKNOWN))

    def replace_because(self, *path: Step) -> None:
        """Ask for destroy and create instead of an update; Terraform names the path as the reason."""
        self.requires_replace.append(path)


class ApplyContext(_PrivateContext):
    """One change to carry out. Write-only values are found in `config` alone.

    On create `prior` is None; on delete `planned` and `config` are None. `planned` may hold unknowns at computed
    attributes only; the state that `create` and `update` return holds none.
    """

    def __init__(
        self,
        *,
        prior: Values | None,
        planned: Values | None,
        config: Values | None,
        identity: Values | None = None,
        private: bytes = b"",
        stop_requested: Callable[[], bool] = _never,
    ) -> None:
        super().__init__(private, stop_requested)
        self._prior = prior
        self._planned = planned
        self._config = config
        self.identity = identity
        self.partial: Values | None = None

    @property
    def prior(self) -> Values:
        """The state before; empty when the object is being created."""
        return self._prior if self._prior is not None else {}

    @property
    def planned(self) -> Values:
        """What the user approved; empty when the object is being deleted."""
        return self._planned if self._planned is not None else {}

    @property
    def config(self) -> Values:
        """What the user wrote, write-only values included; empty when the object is being deleted."""
        return self._config if self._config is not None else {}

    def keep(self, state: Values) -> None:
        """Record that something exists, to be remembered should a later step fail: never lose an id."""
        self.partial = state


class ReadContext(_PrivateContext):
    """A refresh of `state`; for a data source `config` holds what the user asked."""

    def __init__(
        self,
        *,
        state: Values,
        identity: Values | None = None,
        private: bytes = b"",
        stop_requested: Callable[[], bool] = _never,
    ) -> None:
        super().__init__(private, stop_requested)
        self.state = state
        self.identity = identity

    @property
    def config(self) -> Values:
        """A data source's configuration (the same values as `state`)."""
        return self.state


class ImportContext(_PrivateContext):
    """An import: `id` as the user typed it, or `identity` (then `id` is empty)."""

    def __init__(self, *, id: str, identity: Values | None, stop_requested: Callable[[], bool] = _never) -> None:  # noqa: A002
        super().__init__(b"", stop_requested)
        self.id = id
        self.identity = identity


class OpenContext(_PrivateContext):
    """An ephemeral resource to open. Put what `renew` and `close` need (never the secret) into `private`.

    Do so before anything that may fail: what is in `private` when `open` fails is closed at once.
    """

    def __init__(self, *, config: Values, stop_requested: Callable[[], bool] = _never) -> None:
        super().__init__(b"", stop_requested)
        self.config = config


class RenewContext(_PrivateContext):
    """An ephemeral resource whose time is nearly up."""


class CloseContext(_PrivateContext):
    """An ephemeral resource that is no longer needed."""


class ListContext(Context):
    """A search for existing objects: `config` is the filter, `limit` the largest number worth yielding."""

    def __init__(
        self,
        *,
        config: Values,
        include_resource: bool,
        limit: int,
        stop_requested: Callable[[], bool] = _never,
    ) -> None:
        super().__init__(stop_requested)
        self.config = config
        self.include_resource = include_resource
        self.limit = limit
