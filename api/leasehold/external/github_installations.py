"""A GitHub App's installation as it is: what it may do, and in which repositories."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from leasehold.model.credentials import CredentialProfile, GitHubInstallation
from leasehold.model.outside import CannotLook, Facts

TIMEOUT = httpx.Timeout(5.0)
ACCEPT = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_PAGE = 100
_PAGES = 50
_OK = frozenset({200, 201})
Json = Any  # Any: GitHub's JSON
Asserter = Callable[[str, str, datetime], str]


@dataclass(frozen=True, slots=True)
class GitHubInstallations:
    """`assert_app` makes the app's JWT of its id, its private key and the time."""

    find_secret: Callable[[str], str]
    assert_app: Asserter

    def look(self, profile: CredentialProfile, now: datetime) -> Facts:
        """The facts of the installation. Raises `CannotLook`, `MintRefused` if there is no key to ask with."""
        target = profile.github_app
        if target is None:
            raise CannotLook("the profile is not of GitHub")
        assertion = self.assert_app(target.app_id, self.find_secret(target.private_key), now)
        with httpx.Client(base_url=target.api_url, timeout=TIMEOUT, follow_redirects=False, headers=ACCEPT) as client:
            found = asked(client, "GET", f"/app/installations/{target.installation_id}", assertion)
            selection = found["repository_selection"]
            facts = {
                "account": found["account"]["id"],
                "suspended": found.get("suspended_at") is not None,
                "repository_selection": str(selection),
                **{f"permissions.{name}": str(access) for name, access in found["permissions"].items()},
            }
            if selection != "all":  # where all are meant, they come and go
                facts |= {f"repositories.{name}": True for name in _repositories(client, target, assertion)}
        return facts


def _repositories(client: httpx.Client, target: GitHubInstallation, assertion: str) -> Iterator[str]:
    """Only a token of the installation itself may list them: one that reads their names, and is deleted at once."""
    with installation_token(client, target, assertion, {"metadata": "read"}) as token:
        for page in range(1, _PAGES + 1):
            path = f"/installation/repositories?per_page={_PAGE}&page={page}"
            named = asked(client, "GET", path, token)["repositories"]
            yield from (str(one["full_name"]) for one in named)
            if len(named) < _PAGE:
                return
        raise CannotLook(f"the installation has over {_PAGE * _PAGES} repositories")


@contextmanager
def installation_token(
    client: httpx.Client, target: GitHubInstallation, assertion: str, permissions: Mapping[str, str]
) -> Iterator[str]:
    """A token of the installation that may do no more than this, deleted at the end. Raises `CannotLook`."""
    path = f"/app/installations/{target.installation_id}/access_tokens"
    token = str(asked(client, "POST", path, assertion, {"permissions": permissions})["token"])
    try:
        yield token
    finally:
        with suppress(httpx.HTTPError):  # it only reads, and lives an hour
            client.delete("/installation/token", headers={"Authorization": f"Bearer {token}"})


def asked(
    client: httpx.Client, method: str, path: str, bearer: str, body: Mapping[str, Json] | None = None
) -> dict[str, Json]:
    """An object that GitHub answers. Raises `CannotLook`."""
    found = _answered(client, client.build_request(method, path, headers=_bearer(bearer), json=body))
    if not isinstance(found, dict):
        raise CannotLook("GitHub's answer is no object")
    return found


def asked_list(client: httpx.Client, path: str, bearer: str, query: Mapping[str, str]) -> list[dict[str, Json]]:
    """A list of objects that GitHub answers. Raises `CannotLook`."""
    found = _answered(client, client.build_request("GET", path, headers=_bearer(bearer), params=query))
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise CannotLook("GitHub's answer is no list of objects")
    return found


def _bearer(bearer: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {bearer}"}


def _answered(client: httpx.Client, request: httpx.Request) -> Json:
    try:
        answer = client.send(request)
        found = answer.json() if answer.status_code in _OK else None
    except (httpx.HTTPError, ValueError) as error:
        raise CannotLook(f"GitHub did not answer: {type(error).__name__}") from None
    if answer.status_code not in _OK:
        raise CannotLook(f"GitHub did not show {_what(request)}: status {answer.status_code}")
    return found


def _what(request: httpx.Request) -> str:
    return "the audit log" if request.url.path.endswith("/audit-log") else "the installation"
