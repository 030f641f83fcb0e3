"""What one run of Terraform has set in motion: the provider's parts by name, and whether it is to stop."""

from __future__ import annotations

from leasehold_provider.protocol.diagnostics import DiagnosticError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, TypeVar

    from leasehold_provider.protocol.provider import Provider

    T = TypeVar("T")


class Run:
    """The provider being served, looked up by the names Terraform uses."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.resources = _by_type_name(provider.resources)
        self.data_sources = _by_type_name(provider.data_sources)
        self.ephemeral_resources = _by_type_name(provider.ephemeral_resources)
        self.list_resources = _by_type_name(provider.list_resources)
        self.functions = {function.name: function for function in provider.functions}
        self._stopping = False
        for name in self.list_resources:
            if name not in self.resources or not self.resources[name].identity:
                raise ValueError(f"list resource {name} needs a managed resource of that name with an identity")

    def stop(self) -> None:
        """Note that Terraform wants an early end."""
        self._stopping = True
        self.provider.stop()

    def stop_requested(self) -> bool:
        """Tell whether Terraform wants an early end."""
        return self._stopping


def named(parts: Mapping[str, T], name: str) -> T:
    """Look a part up. Raises DiagnosticError: another version of the provider may have had it."""
    part = parts.get(name)
    if part is None:
        raise DiagnosticError("Unknown type", f"This version of the provider has no {name}.")
    return part


def _by_type_name(parts: Iterable[Any]) -> dict[str, Any]:  # Any: five kinds of part with a type_name
    by_name: dict[str, Any] = {}
    for part in parts:
        if part.type_name in by_name:
            raise ValueError(f"two parts are called {part.type_name}")
        by_name[part.type_name] = part
    return by_name
