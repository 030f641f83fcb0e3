"""A provider function: pure, no configuration, no I/O."""

from __future__ import annotations

from abc import ABC, abstractmethod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .cty import Type


class FunctionError(Exception):
    """What is wrong with a call, and with which argument (counted from 0; variadic ones count on)."""

    def __init__(self, text: str, argument: int | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.argument = argument


class Parameter:
    """One parameter. Unless allowed, Terraform itself refuses null and answers unknown for unknown."""

    __slots__ = ("allow_null", "allow_unknown", "description", "name", "type")

    def __init__(
        self,
        name: str,
        type: Type,  # noqa: A002 -- HCL's word for it
        *,
        description: str = "",
        allow_null: bool = False,
        allow_unknown: bool = False,
    ) -> None:
        self.name = name
        self.type = type
        self.description = description
        self.allow_null = allow_null
        self.allow_unknown = allow_unknown


class Function(ABC):
    """Called as `provider::<provider>::<name>(…)`."""

    name: str
    parameters: Sequence[Parameter] = ()
    variadic: Parameter | None = None
    returns: Type
    summary: str = ""
    description: str = ""
    deprecated: str = ""

    @abstractmethod
    def call(self, *arguments: Any) -> Any:
        """Return the result, or raise FunctionError; variadic arguments follow the fixed ones."""
