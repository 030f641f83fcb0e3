"""Resource identity on the wire."""

from __future__ import annotations

from leasehold_provider.protocol.cty import Object

from .values import read_value, write_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from leasehold_provider.protocol.resource import Resource

    Message = dict[str, Any]
    Values = dict[str, Any]


def identity_type(resource: Resource) -> Object:
    """Return the type of a resource's identity."""
    return Object({name: item.type for name, item in resource.identity.items()})


def read_identity(resource: Resource, message: Message | None) -> Values | None:
    """Read an identity; None where the resource has none or Terraform is too old to send it."""
    if not resource.identity or not message:
        return None
    value = read_value(identity_type(resource), message.get("identity_data"))
    return value if isinstance(value, dict) else None


def write_identity(resource: Resource, identity: Values | None) -> Message | None:
    """Write an identity; an older Terraform skips the field."""
    if not resource.identity or identity is None:
        return None
    return {"identity_data": write_value(identity_type(resource), identity)}


def identity_of(resource: Resource, state: Values | None) -> Message | None:
    """Write the identity of the object with this state, once every part of it is known."""
    if not resource.identity or state is None:
        return None
    identity = resource.identify(state)
    return write_identity(resource, identity) if any(item is not None for item in identity.values()) else None
