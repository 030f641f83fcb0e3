"""The RPC of provider functions."""

from __future__ import annotations

from leasehold_provider.protocol.cty import CtyError
from leasehold_provider.protocol.diagnostics import DiagnosticError
from leasehold_provider.protocol.function import FunctionError

from .failures import diagnose
from .run import named
from .values import read_value, write_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from leasehold_provider.protocol.function import Function

    from .run import Run

    Message = dict[str, Any]


class FunctionCalls:
    """Calls to pure functions; a failure is an error about the call or about one of its arguments."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def call(self, request: Message) -> Message:
        """Answer CallFunction."""
        try:
            function = named(self._run.functions, request.get("name", ""))
            result = function.call(*_arguments(function, request.get("arguments", [])))
            return {"result": write_value(function.returns, result)}
        except FunctionError as fault:
            return {"error": {"text": fault.text, "function_argument": fault.argument}}
        except DiagnosticError as fault:
            return {"error": {"text": fault.diagnostic.summary}}
        except Exception as failure:  # noqa: BLE001 -- an error of the call, not of the plugin
            return {"error": {"text": diagnose("CallFunction", failure).detail}}


def _arguments(function: Function, messages: list[Message]) -> list[Any]:
    parameters = list(function.parameters)
    if function.variadic is not None:
        parameters += [function.variadic] * (len(messages) - len(parameters))
    if len(messages) != len(parameters):
        raise FunctionError(f"takes {len(parameters)} arguments, not {len(messages)}")
    values = []
    for index, (parameter, message) in enumerate(zip(parameters, messages)):  # noqa: B905 -- Python 3.9; lengths are equal
        try:
            values.append(read_value(parameter.type, message))
        except CtyError as fault:
            raise FunctionError(str(fault), index) from None
    return values
