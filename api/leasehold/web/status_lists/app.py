"""`GET /status-lists/{id}` (draft-ietf-oauth-status-list-20 §8): public, cacheable, readable from browsers.

Whoever has a token has the address of its list. A list names nobody: it tells how many of its places are invalid.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs

import orjson

from leasehold.exchange.status_lists import TTL, StatusLists
from leasehold.model.errors import LeaseholdError
from leasehold.model.status import STATUS_LIST_TYPE
from leasehold.web.asgi import Application, Receive, Scope, Send
from leasehold.web.oauth.forms import InvalidRequest, header
from leasehold.web.problems import problem_of

STATUS_LISTS = "/status-lists/"
MEDIA_TYPE = f"application/{STATUS_LIST_TYPE}"
_SERVED = frozenset({MEDIA_TYPE, "application/*", "*/*"})
_log = logging.getLogger(__name__)
_CORS = {"access-control-allow-origin": "*"}  # §8.1: browsers may read it


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusListDoors:
    """Given to the app. `clock` tells the time, aware UTC."""

    lists: StatusLists
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class _Refused(Exception):
    """What the door itself says no to."""

    status: int
    why: str


def status_lists_app(doors: StatusListDoors) -> Application:
    """The application of `/status-lists/`."""

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            _check(scope)
            token = await doors.lists.find(scope["path"].removeprefix(STATUS_LISTS), doors.clock())
            await _send(send, *_answer(scope, token))
        except _Refused as refused:
            await _send(send, refused.status, *_error("invalid_request", refused.why))
        except InvalidRequest as error:
            await _send(send, error.status, *_error(error.error, str(error)))
        except LeaseholdError as error:
            await _send(send, int(problem_of(error).status), *_error(problem_of(error).oauth, str(error)))
        except Exception as error:  # noqa: BLE001  whatever broke, the caller gets JSON and no detail
            _log.error("unexpected %s", type(error).__name__, exc_info=error)
            await _send(send, 500, *_error("server_error", "something broke on our side"))

    return app


def _check(scope: Scope) -> None:
    """Raises `_Refused`, `InvalidRequest`."""
    if scope["method"] not in {"GET", "HEAD"}:
        raise _Refused(405, "only GET is allowed here")
    if "time" in parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True):
        raise _Refused(501, "lists of the past are not kept")  # §8.4
    wanted = {one.partition(";")[0].strip().lower() for one in header(scope, b"accept").split(",")} - {""}
    if wanted and not wanted & _SERVED:
        raise _Refused(406, f"only {MEDIA_TYPE} is served")


def _answer(scope: Scope, token: str) -> tuple[int, Mapping[str, str], bytes]:
    tag = f'"{hashlib.sha256(token.encode()).hexdigest()[:32]}"'
    headers = {"cache-control": f"public, max-age={int(TTL.total_seconds())}", "etag": tag, "vary": "accept-encoding"}
    if header(scope, b"if-none-match") == tag:
        return 304, headers, b""
    body, headers["content-type"] = token.encode(), MEDIA_TYPE
    if "gzip" in header(scope, b"accept-encoding"):
        body, headers["content-encoding"] = gzip.compress(body, 6, mtime=0), "gzip"  # §8.2
    headers["content-length"] = str(len(body))
    return 200, headers, b"" if scope["method"] == "HEAD" else body


def _error(error: str, why: str) -> tuple[Mapping[str, str], bytes]:
    body = orjson.dumps({"error": error, "error_description": why})
    headers = {"content-type": "application/json", "cache-control": "no-store", "content-length": str(len(body))}
    return headers, body


async def _send(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    pairs = [(name.encode(), value.encode()) for name, value in {**_CORS, **headers}.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
