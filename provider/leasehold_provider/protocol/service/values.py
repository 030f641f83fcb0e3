"""Between the protocol's DynamicValue messages and the values of the public interface."""

from __future__ import annotations

from leasehold_provider.protocol.cty import CtyError
from leasehold_provider.protocol.diagnostics import DiagnosticError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from leasehold_provider.protocol.cty import Object, Type

    Message = dict[str, Any]
    Values = dict[str, Any]


def read_value(kind: Type, message: Message | None) -> Any:
    """Read a DynamicValue; an absent one is null. Raises CtyError or MsgpackError."""
    if not message:
        return None
    if message.get("msgpack"):
        return kind.unpack(message["msgpack"])
    return kind.read(load_json(message["json"])) if message.get("json") else None


def read_object(kind: Object, message: Message | None) -> Values:
    """Read a DynamicValue that must be an object."""
    value = read_value(kind, message)
    if not isinstance(value, dict):
        raise CtyError("an object")
    return value


def write_value(kind: Type, value: Any) -> Message:
    """Write a DynamicValue. Raises CtyError if the provider made a value that its own schema does not allow."""
    return {"msgpack": kind.pack(value)}


def load_json(raw: bytes) -> Any:
    """Decode JSON that Terraform stored, without losing digits."""
    import json  # noqa: PLC0415 -- 8 ms that a launch for the schema need not spend

    from leasehold_provider.protocol.numbers import read_number  # noqa: PLC0415 -- as above

    try:
        return json.loads(raw, parse_float=read_number)
    except (ValueError, RecursionError):
        raise DiagnosticError("Malformed state", "Terraform sent a stored value that is not JSON.") from None


def load_state(message: Message | None) -> Values:
    """Decode the JSON object of a RawState."""
    raw = (message or {}).get("json")
    state = load_json(raw) if raw else None
    if not isinstance(state, dict):
        raise DiagnosticError("Malformed state", "Terraform sent a stored object in a form this provider never wrote.")
    return state
