"""What is there in a cluster: a list, and every change since, from its API server (Kubernetes API Concepts).

Only metadata is asked for, and of that the uid, the version and whether a deletion began are looked at. Whatever cannot
be read means that something was missed: nothing is skipped, the caller lists anew.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Protocol
from urllib.parse import urlencode

from leasehold.keys.network import FetchRefused, Get, LineTooLong, Reply
from leasehold.keys.token_review import Reviewer
from leasehold.model.errors import InvalidValue
from leasehold.model.trust import TrustIssuer
from leasehold.model.workloads import ClusterForgot, ClusterSilent, Listing, Sighting, WorkloadKind, check_uid

WATCH_SECONDS = 30
"""How long one watch lasts. A connection that has died unnoticed is found out a little later; a renewed credential is
used from the next watch on."""

_SLACK_SECONDS = 10.0
_LIST_SECONDS = 60.0
_PAGE, _PAGES = 500, 4000
_PAGE_BYTES, _LINE_BYTES = 32 * 1024 * 1024, 4 * 1024 * 1024  # etcd takes objects of 1.5 MiB
_VERSION_LIMIT, _CONTINUE_LIMIT = 64, 4096
_GONE = 410
_AS = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"
_PATHS = {
    WorkloadKind.PODS: "/api/v1/pods",
    WorkloadKind.SERVICE_ACCOUNTS: "/api/v1/serviceaccounts",
    WorkloadKind.DEPLOYMENTS: "/apis/apps/v1/deployments",
}
_CHANGES = frozenset({"ADDED", "MODIFIED", "DELETED"})


class Listener(Protocol):
    """Bounded requests. Both raise `FetchRefused`."""

    async def read(self, url: str, get: Get, *, allow_private: bool) -> Reply: ...
    def lines(self, url: str, get: Get, *, allow_private: bool) -> AsyncGenerator[bytes]: ...


class ApiServers:
    """Asks API servers with the credential that trust issuers name, read anew for every request."""

    def __init__(self, network: Listener, reviewer: Reviewer, watch_seconds: int = WATCH_SECONDS) -> None:
        self._network = network
        self._reviewer = reviewer
        self._watch_seconds = watch_seconds

    async def list(self, issuer: TrustIssuer, kind: WorkloadKind) -> Listing:
        """Every object of a kind. Raises `ClusterSilent`."""
        present: set[str] = set()
        following = ""
        for _ in range(_PAGES):
            page = await self._page(issuer, kind, following)
            metadata = _mapping(page.get("metadata"))
            present |= {uid for uid, there in map(_object, _items(page)) if there}
            following = str(metadata.get("continue") or "")
            if not following:
                return Listing(frozenset(present), _version(metadata))
            if len(following) > _CONTINUE_LIMIT:
                break
        raise ClusterSilent("a list without an end")

    async def watch(self, issuer: TrustIssuer, kind: WorkloadKind, version: str) -> AsyncGenerator[Sighting]:
        """Every change behind `version`, until the server ends the watch. Raises `ClusterSilent`, `ClusterForgot`."""
        query = {
            "watch": 1,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": self._watch_seconds,
            "resourceVersion": version,
        }
        seconds = self._watch_seconds + _SLACK_SECONDS
        get = await self._get(issuer, Get(headers={"accept": _AS.format("")}, max_bytes=_LINE_BYTES, seconds=seconds))
        lines = self._network.lines(_url(issuer, kind, query), get, allow_private=issuer.allow_private)
        try:
            async with aclosing(lines) as following:
                async for line in following:
                    yield _sighting(line)
        except FetchRefused as refused:
            raise _silent(refused) from None

    async def _page(self, issuer: TrustIssuer, kind: WorkloadKind, following: str) -> dict[str, Any]:
        query = {"limit": _PAGE} | ({"continue": following} if following else {})
        headers = {"accept": _AS.format("List")}
        get = await self._get(issuer, Get(headers=headers, max_bytes=_PAGE_BYTES, seconds=_LIST_SECONDS))
        try:
            reply = await self._network.read(_url(issuer, kind, query), get, allow_private=issuer.allow_private)
        except FetchRefused as refused:
            raise _silent(refused) from None
        return _mapping(await asyncio.to_thread(_json, reply.body))

    async def _get(self, issuer: TrustIssuer, get: Get) -> Get:
        return await asyncio.to_thread(self._with_credential, issuer.credential or "", get)

    def _with_credential(self, name: str, get: Get) -> Get:
        try:
            headers = {**self._reviewer.headers(name), **get.headers}
            trust = self._reviewer.trust(name)
        except (OSError, ValueError) as error:
            raise ClusterSilent(f"our credential `{name}` cannot be used: {type(error).__name__}") from None
        return Get(headers=headers, trust=trust, max_bytes=get.max_bytes, seconds=get.seconds)


def _url(issuer: TrustIssuer, kind: WorkloadKind, query: Mapping[str, object]) -> str:
    return f"{(issuer.api_server or '').rstrip('/')}{_PATHS[kind]}?{urlencode(query)}"


def _silent(refused: FetchRefused) -> ClusterSilent:
    if refused.status == _GONE or isinstance(refused, LineTooLong):
        return ClusterForgot(str(refused))
    return ClusterSilent(str(refused))


def _json(text: bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ClusterSilent("an answer is not JSON") from None


def _mapping(value: object) -> dict[str, Any]:  # Any: members of a stranger's JSON
    if not isinstance(value, dict):
        raise ClusterSilent("an answer is not of the documented shape")
    return value


def _items(page: dict[str, Any]) -> list[object]:
    items = page.get("items")
    # A server of 1.20 writes null for no items. Whatever is no list at all must not read as an empty cluster.
    if page.get("kind") != "PartialObjectMetadataList" or not isinstance(items, list | None):
        raise ClusterSilent("an answer is not a list")
    return items or []


def _sighting(line: bytes) -> Sighting:
    """The change in one line. Raises `ClusterForgot` where nobody knows what it said: that may have been an end."""
    try:
        return _change(_mapping(_json(line)))
    except ClusterForgot:
        raise
    except ClusterSilent as error:
        raise ClusterForgot(str(error)) from None


def _change(event: dict[str, Any]) -> Sighting:
    kind, found = event.get("type"), _mapping(event.get("object"))
    if kind == "ERROR":
        code = found.get("code")
        raise ClusterForgot("410 Gone") if code == _GONE else ClusterSilent(f"the watch ended with {code!r:.20}")
    version = _version(_mapping(found.get("metadata")))
    if kind == "BOOKMARK":
        return Sighting(None, present=True, version=version)
    if kind not in _CHANGES:
        raise ClusterSilent("an event of a type that we do not know")
    uid, there = _object(found)
    return Sighting(uid, present=there and kind != "DELETED", version=version)


def _object(found: object) -> tuple[str, bool]:
    """The uid of an object, and whether it is there: with a `deletionTimestamp` it is on its way out."""
    metadata = _mapping(_mapping(found).get("metadata"))
    return _uid(metadata), metadata.get("deletionTimestamp") is None


def _uid(metadata: dict[str, Any]) -> str:
    uid = metadata.get("uid")
    try:
        check_uid(uid if isinstance(uid, str) else "", "uid")
    except InvalidValue:
        raise ClusterSilent("an object has no uid") from None
    return str(uid)


def _version(metadata: dict[str, Any]) -> str:
    version = metadata.get("resourceVersion")
    if not isinstance(version, str) or not version or not version.isalnum() or len(version) > _VERSION_LIMIT:
        raise ClusterSilent("an answer has no resourceVersion")
    return version
