"""Who changed a GitHub App's installation: GitHub itself says who suspended it, the organisation's audit log the rest.

The log is GitHub Enterprise's, and is read with a token of the installation: the app needs the organisation permission
`organization_administration: read`. Without it nobody is named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from leasehold.external.github_installations import ACCEPT, TIMEOUT, asked, asked_list, installation_token
from leasehold.model.credentials import CredentialProfile
from leasehold.model.outside import CannotLook, Culprit, Footprint, Moved

_RIGHT = "organization_administration"
_ACTIONS = {
    "permissions": ("version_updated",),
    "repositories": ("repositories_added", "repositories_removed"),
    "repository_selection": ("repositories_added", "repositories_removed"),
    "suspended": ("suspend", "unsuspend"),
}
_PREFIX = "integration_installation."
_TEXT = 120
Json = Any  # Any: GitHub's JSON
Asserter = Callable[[str, str, datetime], str]


@dataclass(frozen=True, slots=True)
class GitHubAudit:
    """`assert_app` makes the app's JWT of its id, its private key and the time."""

    find_secret: Callable[[str], str]
    assert_app: Asserter

    def trace(self, profile: CredentialProfile, footprint: Footprint) -> Culprit:
        """Who made the newest of the changes. Raises `CannotLook`, `MintRefused` if there is no key to ask with."""
        target = profile.github_app
        if target is None:
            raise CannotLook("the profile is not of GitHub")
        assertion = self.assert_app(target.app_id, self.find_secret(target.private_key), footprint.now)
        with httpx.Client(base_url=target.api_url, timeout=TIMEOUT, follow_redirects=False, headers=ACCEPT) as client:
            found = asked(client, "GET", f"/app/installations/{target.installation_id}", assertion)
            if (suspended := _suspended(found, footprint)) is not None:
                return suspended
            said = f"GitHub says only that it was last updated at {str(found.get('updated_at'))[:_TEXT]}"
            if found["permissions"].get(_RIGHT) is None:
                raise CannotLook(f"the app may not read the organisation's audit log (`{_RIGHT}`); {said}")
            with installation_token(client, target, assertion, {_RIGHT: "read"}) as token:
                phrase = f"action:{_PREFIX.rstrip('.')} created:>={footprint.since.date().isoformat()}"
                path = f"/orgs/{found['account']['login']}/audit-log"
                entries = asked_list(client, path, token, {"phrase": phrase, "per_page": "100"})
        slug = str(found.get("app_slug") or "")
        made = [one for one in entries if _made(one, slug, footprint)]
        if not made:
            raise CannotLook(f"the organisation's audit log holds no event of this change; {said}")
        return _culprit(max(made, key=lambda one: one["@timestamp"]))


def _suspended(found: Mapping[str, Json], footprint: Footprint) -> Culprit | None:
    by, at = found.get("suspended_by"), found.get("suspended_at")
    if not any(one.what == "suspended" for one in footprint.moved) or not isinstance(by, Mapping) or not at:
        return None
    return Culprit(
        actor=str(by["login"])[:_TEXT],
        at=datetime.fromisoformat(str(at)).astimezone(UTC),
        operation="suspend",
        via="GitHub",
        record="the installation itself",
    )


def _made(entry: Mapping[str, Json], slug: str, footprint: Footprint) -> bool:
    """True if this very entry may have moved one of the facts."""
    named = {_slug(entry.get(name)) for name in ("name", "integration")}
    late = entry.get("@timestamp", 0) >= footprint.since.replace(microsecond=0).timestamp() * 1000
    return bool(slug) and _slug(slug) in named and late and any(_moved(entry, one) for one in footprint.moved)


def _moved(entry: Mapping[str, Json], moved: Moved) -> bool:
    action = str(entry.get("action")).removeprefix(_PREFIX)
    if action not in _ACTIONS.get(moved.what, ()):
        return False
    names = entry.get(f"{action}_names")
    return moved.what != "repositories" or names is None or moved.name in names


def _slug(name: object) -> str:
    return re.sub(r"[^a-z0-9]+", "-", str(name).lower()).strip("-")


def _culprit(entry: Mapping[str, Json]) -> Culprit:
    source = str(entry.get("actor_ip") or "")[:_TEXT]
    return Culprit(
        actor=str(entry.get("actor") or "nobody it names")[:_TEXT],
        at=datetime.fromtimestamp(entry["@timestamp"] / 1000, tz=UTC),
        operation=str(entry["action"])[:_TEXT],
        via=f"GitHub from {source}" if source else "GitHub",
        record=f"the organisation's audit log {str(entry.get('_document_id') or '')[:_TEXT]}".rstrip(),
    )
