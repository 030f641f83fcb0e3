"""Requests to a forge: pages, rate limits, outages. Waits as long as it is told to, and not for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from leasehold.cli.safe_text import visible

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_TRIES = 6
_PATIENCE = 180.0  # seconds of waiting per delivery, all requests together
_UNSAID = 60.0  # what GitHub asks for if a secondary limit names no time
_PAGES = 100
_REDIRECTS = 3
_BROKEN = frozenset({500, 502, 503, 504})
_GONE = frozenset({404, 410})


class Undelivered(Exception):
    """The forge did not take it. The message holds no token and no answer's headers."""


class NotAllowed(Undelivered):
    """The token may not do this, or may not see that it could: retrying helps nobody."""


class Gone(Undelivered):
    """What was to be changed is not there any more."""


class Courier:
    """One forge, spoken to with one token. A redirect is followed on the same host alone: the token stays there."""

    def __init__(
        self,
        api: str,
        headers: Mapping[str, str],
        sleep: Callable[[float], None],
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._api, self._sleep, self._left = api, sleep, _PATIENCE
        loopback = urlsplit(api).scheme == "http"
        self._client = httpx.Client(
            headers={**headers, "User-Agent": "leasehold"},
            timeout=_TIMEOUT,
            follow_redirects=False,
            trust_env=not loopback,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(self, method: str, path: str, body: object = None) -> Any:  # Any: what a forge answers
        """The parsed answer, None if there is none. Raises `Undelivered`."""
        return _parsed(self._answer(method, self._api + path, body))

    def pages(self, path: str) -> Iterator[Any]:  # Any: as above
        """The items of every page, as the `Link` header leads (RFC 8288)."""
        url = self._api + path
        for _ in range(_PAGES):
            response = self._answer("GET", url, None)
            found = _parsed(response)
            if not isinstance(found, list):
                raise Undelivered("a list was asked for, and something else came")
            yield from found
            following = response.links.get("next", {}).get("url")
            if not following:
                return
            url = self._within(response, following)
        raise Undelivered(f"there are more than {_PAGES} pages to look through")

    def _answer(self, method: str, url: str, body: object) -> httpx.Response:
        for attempt in range(_TRIES):
            response = self._sent(method, url, body)
            if response is not None and not _is_to_be_repeated(response):
                if response.is_success:
                    return response
                raise _refusal(method, response)
            self._wait(response, attempt)
        raise Undelivered(_told(method, response))

    def _sent(self, method: str, url: str, body: object) -> httpx.Response | None:
        """None if nobody answers."""
        for _ in range(_REDIRECTS):
            try:
                response = (
                    self._client.request(method, url, json=body)
                    if body is not None
                    else (self._client.request(method, url))
                )
            except httpx.HTTPError:
                return None
            if not response.is_redirect:
                return response
            url = self._within(response, response.headers["location"])
        raise Undelivered("the forge redirects without end")

    def _within(self, response: httpx.Response, location: str) -> str:
        there = response.url.join(location)
        here = httpx.URL(self._api)
        if (there.scheme, there.host, there.port) != (here.scheme, here.host, here.port):
            raise Undelivered("the forge points to another host, where this token does not go")
        return str(there)

    def _wait(self, response: httpx.Response | None, attempt: int) -> None:
        seconds = _pause(response, attempt)
        if seconds > self._left:
            raise Undelivered(f"{_told('', response)}; it asks for {seconds:.0f} seconds of patience")
        self._left -= seconds
        self._sleep(seconds)


def _is_to_be_repeated(response: httpx.Response) -> bool:
    return response.status_code in _BROKEN or _is_limited(response)


def _is_limited(response: httpx.Response) -> bool:
    """A primary or a secondary limit: GitHub says both with 403 or 429."""
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return True
    if response.status_code != httpx.codes.FORBIDDEN:
        return False
    spent = response.headers.get("x-ratelimit-remaining") == "0"
    return "retry-after" in response.headers or spent or "rate limit" in _message(response).lower()


def _pause(response: httpx.Response | None, attempt: int) -> float:
    if response is None:
        return float(2**attempt)
    after = response.headers.get("retry-after", "")
    if after.isdecimal():
        return float(after)
    if _is_limited(response):
        return max(_until_reset(response), 1.0)
    return float(2**attempt)


def _until_reset(response: httpx.Response) -> float:
    """By the forge's own clock, so that ours need not be right."""
    reset = response.headers.get("x-ratelimit-reset", "") or response.headers.get("ratelimit-reset", "")
    spent = response.headers.get("x-ratelimit-remaining") == "0" or response.headers.get("ratelimit-remaining") == "0"
    try:
        now = parsedate_to_datetime(response.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return _UNSAID
    return float(reset) - now if reset.isdecimal() and spent else _UNSAID


def _refusal(method: str, response: httpx.Response) -> Undelivered:
    told = _told(method, response)
    if response.status_code in _GONE and method not in {"POST", "GET"}:
        return Gone(told)
    if response.status_code in {401, 403, *_GONE}:
        return NotAllowed(told)
    return Undelivered(told)


def _told(method: str, response: httpx.Response | None) -> str:
    if response is None:
        return "the forge does not answer"
    said = _message(response)
    return f"the forge answered {method} with {response.status_code}{f': {said}' if said else ''}".replace("  ", " ")


def _message(response: httpx.Response) -> str:
    try:
        parsed = response.json()
    except ValueError:
        return ""
    if not isinstance(parsed, dict):
        return ""
    errors = parsed.get("errors")
    details = (
        [str(one.get("message", "")) for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    )
    said = [str(parsed.get("message") or parsed.get("error") or ""), *details]
    return visible("; ".join(part for part in said if part), 200)


def _parsed(response: httpx.Response) -> Any:  # Any: as above
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        raise Undelivered("the forge's answer is no JSON") from None
