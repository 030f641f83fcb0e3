"""A GitHub App's installation token, narrowed to repositories and permissions, deleted with its lease.

GitHub issues them for an hour and takes them back only from who presents them: the token itself is what it takes to
kill it, and is kept sealed for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from leasehold.model.credentials import GitHubInstallation
from leasehold.model.errors import Unavailable
from leasehold.model.external import ExternalCredential, Minted, MintRefused, Order, StillLive

_TIMEOUT = httpx.Timeout(5.0)
_ACCEPT = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_CREATED = 201
_DELETED = frozenset({204, 401, 404})  # gone now, or gone before
_RANKS = {"read": 1, "write": 2}

Asserter = Callable[[str, str, datetime], str]


@dataclass(frozen=True, slots=True)
class GitHubSource:
    """`assert_app` makes the app's JWT of its id, its private key and the time; raises `MintRefused`."""

    find_secret: Callable[[str], str]
    assert_app: Asserter

    async def mint(self, order: Order) -> Minted:
        """The token. Raises `MintRefused` if GitHub said no, or gave more than was asked for."""
        return await asyncio.to_thread(self._mint, order)

    def kill(self, credential: ExternalCredential, ends_with: str | None) -> None:
        """Delete it, with itself. Raises `StillLive`."""
        if ends_with is None:
            raise StillLive("the token was never recorded: it lives until its expiry")
        _delete(_target(credential.spec.github_app), ends_with)

    def clear(self, credential: ExternalCredential) -> None:
        """Nothing is left of a token."""

    def _mint(self, order: Order) -> Minted:
        target = _target(order.spec.github_app)
        assertion = self.assert_app(target.app_id, self.find_secret(target.private_key), order.now)
        answer = _ask(target, assertion)
        token = answer.get("token")
        if not isinstance(token, str):
            raise Unavailable("GitHub's answer holds no token")
        try:
            _check(target, answer)
            return Minted(secret={"token": token}, live_until=_expiry(answer), ends_with=token)
        except MintRefused:
            _delete(target, token)
            raise


def _ask(target: GitHubInstallation, assertion: str) -> Mapping[str, Any]:  # Any: GitHub's JSON
    url = f"{target.api_url}/app/installations/{target.installation_id}/access_tokens"
    wanted = {
        "repositories": sorted(target.repositories),
        "permissions": {name: access.value for name, access in sorted(target.permissions.items())},
    }
    headers = {**_ACCEPT, "Authorization": f"Bearer {assertion}"}
    try:
        response = httpx.post(url, json=wanted, headers=headers, timeout=_TIMEOUT, follow_redirects=False)
        found = response.json() if response.status_code == _CREATED else {}
    except httpx.ConnectError:
        raise MintRefused("GitHub does not answer") from None
    except (httpx.HTTPError, ValueError) as error:  # sent, perhaps done
        raise Unavailable(f"GitHub's answer did not arrive: {type(error).__name__}") from None
    if response.status_code != _CREATED:
        raise MintRefused(f"GitHub refused the token with status {response.status_code}")
    if not isinstance(found, dict):
        raise Unavailable("GitHub's answer is no object")
    return found


def _check(target: GitHubInstallation, answer: Mapping[str, Any]) -> None:  # Any: as above
    if _is_wider(target, answer):
        raise MintRefused("GitHub gave more than the profile allows; the token was deleted")


def _is_wider(target: GitHubInstallation, answer: Mapping[str, Any]) -> bool:  # Any: as above
    """Whether the token reaches beyond what was asked for. What the answer leaves out is not taken for granted."""
    given = answer.get("permissions")
    repositories = answer.get("repositories")
    if not isinstance(given, dict) or not isinstance(repositories, list):
        return True
    # GitHub adds `metadata: read` to every token that names repositories.
    asked = {"metadata": "read", **{name: access.value for name, access in target.permissions.items()}}
    named = {one.get("name") for one in repositories if isinstance(one, dict)}
    beyond = any(_RANKS.get(str(a), 9) > _RANKS.get(asked.get(name, ""), 0) for name, a in given.items())
    return beyond or len(named) != len(repositories) or not named <= target.repositories


def _delete(target: GitHubInstallation, token: str) -> None:
    headers = {**_ACCEPT, "Authorization": f"Bearer {token}"}
    try:
        response = httpx.delete(
            f"{target.api_url}/installation/token", headers=headers, timeout=_TIMEOUT, follow_redirects=False
        )
    except httpx.HTTPError as error:
        raise StillLive(f"GitHub did not answer: {type(error).__name__}") from None
    if response.status_code not in _DELETED:
        raise StillLive(f"GitHub did not delete it: status {response.status_code}")


def _expiry(answer: Mapping[str, Any]) -> datetime:  # Any: as above
    try:
        return datetime.fromisoformat(str(answer["expires_at"])).astimezone(UTC)
    except (KeyError, ValueError):
        raise MintRefused("GitHub's answer holds no expiry; the token was deleted") from None


def _target(target: GitHubInstallation | None) -> GitHubInstallation:
    if target is None:
        raise MintRefused("the profile is not of GitHub")
    return target
