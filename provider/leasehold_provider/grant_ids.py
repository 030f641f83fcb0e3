"""The readable name of a grant, computed here so that a plan can show it; the registry computes the same."""

from __future__ import annotations

from .constraints import name_suffix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_LIMIT = 400
_DIGEST = 16


def grant_id(
    agent: str,
    target: str,
    tools: Iterable[str],
    resources: Iterable[str],
    constraints: Mapping[str, Any] | None = None,
) -> str:
    """Name an edge: `triage/github.read_file@repo:web`, or `triage/web-reader` for a whole scope.

    Several tools or resources are sorted and joined with `+`; constraints follow, each after a comma, as in
    `billing/crm.refund@crm:acme,amount:..50`. Past 400 characters the tail is cut and 16 hex digits of the SHA-256 of
    the whole stand in for it, after a `~`.
    """
    text = f"{agent}/{target}"
    for mark, values in ((".", sorted(set(tools))), ("@", sorted(set(resources)))):
        if values:
            text += mark + "+".join(values)
    text += name_suffix(constraints)
    if len(text) <= _LIMIT:
        return text
    import hashlib  # noqa: PLC0415 -- OpenSSL takes milliseconds to load, and few ids are this long

    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
    return f"{text[: _LIMIT - _DIGEST - 1]}~{digest}"
