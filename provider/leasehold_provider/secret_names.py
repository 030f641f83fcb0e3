"""Attributes that name a secret of the server. Whoever takes one for the secret itself is told so, and not quoted."""

from __future__ import annotations

from .names import check_name
from .protocol import Attribute, Diagnostic, String

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any


def secret_name(description: str, *, required: bool) -> Attribute:
    """The name of a secret. It has no validator: `check_secret_names` is its check, and says why."""
    return Attribute(String, required=required, optional=not required, description=description)


def check_secret_names(config: Mapping[str, Any], *places: tuple[str, ...]) -> Iterator[Diagnostic]:
    """Complain about what cannot be the name of a secret, at any of these places; unknown values are let be.

    A complaint at an attribute makes Terraform print the attribute's line, and with it the secret that somebody wrote
    there by mistake. So these stand at the resource.
    """
    for place in places:
        value: Any = config
        for step in place:
            value = value.get(step) if isinstance(value, dict) else None
        if isinstance(value, str) and (complaint := check_name(value)) is not None:
            said = f"`{'.'.join(place)}` {complaint}: it is the secret's name, never the secret"
            yield Diagnostic.error("Not the name of a secret", said, ())
