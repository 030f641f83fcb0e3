"""Answers as JSON documents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus

import orjson
from starlette.responses import Response

from leasehold.model.authority.plain import plain_of
from leasehold.model.objects import Spec, Stored
from leasehold.model.plain import plain, rfc3339
from leasehold.model.principal import Principal
from leasehold.registry.effective import EffectiveAccess, Entry, Withheld
from leasehold.registry.revoke import Revocation
from leasehold.registry.snapshot import Snapshot
from leasehold.registry.writes import View

Document = dict[str, object]


def json_response(
    document: object, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer that no cache keeps without asking."""
    return Response(
        orjson.dumps(document), status, {"Cache-Control": "no-cache", **(headers or {})}, "application/json"
    )


def object_document(view: View) -> Document:
    """A live object, flat: envelope, then spec, then what is computed."""
    return {**_envelope(view.stored), **plain(view.stored.spec), **view.computed}


def _envelope(stored: Stored[Spec]) -> Document:
    return {
        "kind": stored.kind.value,
        "name": stored.name,
        "revision": stored.revision,
        "created_at": rfc3339(stored.created_at),
        "updated_at": rfc3339(stored.updated_at),
        "updated_by": stored.updated_by,
        # A workload binding has a `stack` of its own, to which the role it gives is limited; it goes before this one.
        "stack": stored.stack,
        "managed_by": stored.stack,
    }


def snapshot_document(snapshot: Snapshot, now: datetime) -> Document:
    """The live picture; `complete` says that nothing was left out for its size."""
    return {
        "revision": snapshot.mark.sequence,
        "at": rfc3339(now),
        "stack": snapshot.stack,
        "complete": True,
        "policy_version": snapshot.policy_version,
        "objects": {kind.value: [object_document(v) for v in found] for kind, found in snapshot.objects.items()},
    }


def access_document(access: EffectiveAccess) -> Document:
    """What an agent can do, and what is withheld from it."""
    return {
        "agent": access.agent,
        "revision": access.sequence,
        "access": [_entry(one) for one in access.access],
        "withheld": [_withheld(one) for one in access.withheld],
    }


def _entry(entry: Entry) -> Document:
    return {
        "tool_server": entry.tool_server,
        "tool": entry.tool,
        "action": entry.action,
        "resource": entry.resource,
        "grant": entry.grant,
        "expires_at": rfc3339(entry.expires_at) if entry.expires_at is not None else None,
        "constraints": plain_of(entry.constraints),
    }


def _withheld(withheld: Withheld) -> Document:
    return {**_entry(withheld.entry), "reason": withheld.reason, "ceiling": withheld.ceiling}


def revocation_document(revocation: Revocation) -> Document:
    """What a revocation came to."""
    return {"node": revocation.node, "generation": revocation.generation, "at": rfc3339(revocation.at)}


def principal_document(principal: Principal) -> Document:
    """Who the caller is."""
    return {
        "id": principal.id,
        "role": principal.role.value,
        "teams": sorted(principal.teams),
        "stack": principal.stack,
        "may_admit": principal.may_admit,
        "plan_only": principal.plan_only,
        "lease": principal.lease,
    }
