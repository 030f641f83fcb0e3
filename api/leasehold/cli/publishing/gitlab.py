"""GitLab's REST API, as far as a report needs it: notes of a merge request, issues, commit statuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leasehold.cli.publishing.courier import Courier
from leasehold.cli.publishing.github import note_of
from leasehold.cli.publishing.inbox import Ticket
from leasehold.cli.publishing.sticky import Note
from leasehold.cli.publishing.surroundings import Surroundings

_DESCRIPTION = 255
_STATES = {"success": "success", "pending": "pending", "failure": "failed", "error": "failed"}
Json = dict[str, Any]  # Any: what GitLab answers


class _Author:
    """Who our token is."""

    def __init__(self, courier: Courier) -> None:
        self._courier, self._id = courier, 0

    def wrote(self, one: Json) -> bool:
        if not self._id:
            self._id = int(self._courier.send("GET", "/user")["id"])
        author = one.get("author")
        return isinstance(author, dict) and author.get("id") == self._id


class GitLabThread:
    """The notes of a merge request."""

    def __init__(self, courier: Courier, of: Surroundings) -> None:
        self._courier, self._author = courier, _Author(courier)
        self._path = f"/projects/{of.project}/merge_requests/{of.change}/notes"

    def notes(self) -> Iterator[Note]:
        """Our notes, oldest first."""
        for one in self._courier.pages(f"{self._path}?per_page=100&sort=asc&order_by=created_at"):
            if isinstance(one, dict) and not one.get("system") and _is_marked(one, "body") and self._author.wrote(one):
                yield note_of(one)

    def add(self, body: str) -> Note:
        """A new note."""
        return note_of(self._courier.send("POST", self._path, {"body": body}))

    def edit(self, note: int, body: str) -> None:
        """Another body for a note."""
        self._courier.send("PUT", f"{self._path}/{note}", {"body": body})

    def remove(self, note: int) -> None:
        """A note less."""
        self._courier.send("DELETE", f"{self._path}/{note}")


class GitLabInbox:
    """The issues that carry our label."""

    def __init__(self, courier: Courier, of: Surroundings) -> None:
        self._courier, self._author = courier, _Author(courier)
        self._path = f"/projects/{of.project}/issues"

    def tickets(self, label: str) -> Iterator[Ticket]:
        """Our issues, open or closed."""
        for one in self._courier.pages(f"{self._path}?labels={label}&per_page=100"):
            if isinstance(one, dict) and _is_marked(one, "description") and self._author.wrote(one):
                yield Ticket(int(one["iid"]), str(one["description"]), is_open=one.get("state") == "opened")

    def open(self, title: str, body: str, label: str) -> int:
        """A new issue."""
        return int(
            self._courier.send("POST", self._path, {"title": title, "description": body, "labels": label})["iid"]
        )

    def edit(self, ticket: int, title: str, body: str, *, is_open: bool) -> None:
        """Another description, and open or closed."""
        change = {"title": title, "description": body, "state_event": "reopen" if is_open else "close"}
        self._courier.send("PUT", f"{self._path}/{ticket}", change)


def gitlab_status(courier: Courier, of: Surroundings, context: str, state: str, description: str) -> None:
    """`success`, `pending` or `failed` at the commit."""
    body = {
        "state": _STATES[state],
        "name": context,
        "description": description[:_DESCRIPTION],
        "target_url": of.run_url,
    }
    courier.send("POST", f"/projects/{of.project}/statuses/{of.commit}", body)


def _is_marked(one: Json, name: str) -> bool:
    return str(one.get(name)).startswith("<!-- leasehold:")
