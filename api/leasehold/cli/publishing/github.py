"""GitHub's REST API, as far as a report needs it: comments of a pull request, issues, commit statuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from leasehold.cli.publishing.courier import Courier, NotAllowed, Undelivered
from leasehold.cli.publishing.inbox import Ticket
from leasehold.cli.publishing.sticky import Note
from leasehold.cli.publishing.surroundings import Surroundings

_DESCRIPTION = 140  # characters of a commit status
Json = dict[str, Any]  # Any: what GitHub answers


class Author:
    """Who our token is. The token of a job may not ask; what it writes is a bot's."""

    def __init__(self, courier: Courier) -> None:
        self._courier, self._login, self._asked = courier, "", False

    def wrote(self, one: Json) -> bool:
        """Whether a comment or an issue is ours: a marker can be written by anybody."""
        if not self._asked:
            self._login, self._asked = self._whoami(), True
        user = one.get("user")
        if not isinstance(user, dict):
            return False
        return user.get("login") == self._login if self._login else user.get("type") == "Bot"

    def _whoami(self) -> str:
        try:
            found = self._courier.send("GET", "/user")
        except NotAllowed:
            return ""
        return str(found.get("login", "")) if isinstance(found, dict) else ""


class GitHubThread:
    """The comments of a pull request, which is an issue to this part of the API."""

    def __init__(self, courier: Courier, of: Surroundings) -> None:
        self._courier, self._author = courier, Author(courier)
        self._issues = f"/repos/{of.project}/issues"
        self._path = f"{self._issues}/{of.change}/comments"

    def notes(self) -> Iterator[Note]:
        """Our comments, oldest first."""
        for one in self._courier.pages(f"{self._path}?per_page=100"):
            if isinstance(one, dict) and _is_marked(one) and self._author.wrote(one):
                yield note_of(one)

    def add(self, body: str) -> Note:
        """A new comment."""
        return note_of(self._courier.send("POST", self._path, {"body": body}))

    def edit(self, note: int, body: str) -> None:
        """Another body for a comment."""
        self._courier.send("PATCH", f"{self._issues}/comments/{note}", {"body": body})

    def remove(self, note: int) -> None:
        """A comment less."""
        self._courier.send("DELETE", f"{self._issues}/comments/{note}")


class GitHubInbox:
    """The issues that carry our label."""

    def __init__(self, courier: Courier, of: Surroundings) -> None:
        self._courier, self._author = courier, Author(courier)
        self._path = f"/repos/{of.project}/issues"

    def tickets(self, label: str) -> Iterator[Ticket]:
        """Our issues, open or closed."""
        for one in self._courier.pages(f"{self._path}?labels={label}&state=all&per_page=100"):
            if isinstance(one, dict) and "pull_request" not in one and _is_marked(one) and self._author.wrote(one):
                yield Ticket(_id(one, "number"), str(one.get("body")), is_open=one.get("state") == "open")

    def open(self, title: str, body: str, label: str) -> int:
        """A new issue."""
        return _id(self._courier.send("POST", self._path, {"title": title, "body": body, "labels": [label]}), "number")

    def edit(self, ticket: int, title: str, body: str, *, is_open: bool) -> None:
        """Another body, and open or closed."""
        state = {"state": "open"} if is_open else {"state": "closed", "state_reason": "completed"}
        self._courier.send("PATCH", f"{self._path}/{ticket}", {"title": title, "body": body, **state})


def github_status(courier: Courier, of: Surroundings, context: str, state: str, description: str) -> None:
    """`success`, `pending`, `failure` or `error` at the commit."""
    body = {"state": state, "context": context, "description": description[:_DESCRIPTION], "target_url": of.run_url}
    courier.send("POST", f"/repos/{of.project}/statuses/{of.commit}", body)


def note_of(one: object) -> Note:
    """A comment out of the forge's answer."""
    return Note(_id(one, "id"), str(one.get("body", "")) if isinstance(one, dict) else "")


def _is_marked(one: Json) -> bool:
    return str(one.get("body")).startswith("<!-- leasehold:")


def _id(one: object, name: str) -> int:
    found = one.get(name) if isinstance(one, dict) else None
    if not isinstance(found, int):
        raise Undelivered("the forge's answer is not understood")
    return found
